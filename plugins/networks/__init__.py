"""Networks and what they are made of, for models, probes and claims. Nothing here is a plugin."""
