"""Built-in probes: every module here is found by the registry."""
