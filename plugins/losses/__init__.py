"""Built-in losses: every module here is found by the registry."""
