"""Built-in claims: every module here is found by the registry."""
