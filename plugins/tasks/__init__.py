"""Built-in tasks: every module here is found by the registry."""
