"""Built-in certificates: every module here is found by the registry."""
