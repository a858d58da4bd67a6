"""Other people's experiments, one file a paper, with their settings."""
