"""Built-in optimizers: every module here is found by the registry."""
