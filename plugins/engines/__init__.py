"""Built-in engines: every module here is found by the registry."""
