"""Built-in optimizers: every module in the folders below is found by the registry."""
