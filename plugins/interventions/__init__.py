"""Built-in interventions: every module here is found by the registry."""
