"""The settings of the paper, one file a figure."""
