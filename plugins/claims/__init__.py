"""Built-in claims: every module in the folders below is found by the registry."""
