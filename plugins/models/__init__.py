"""Built-in models: every module here is found by the registry."""
