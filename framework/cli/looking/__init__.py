"""Commands that look at what there is."""
