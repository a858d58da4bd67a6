"""Built-in penalties: every module here is found by the registry."""
