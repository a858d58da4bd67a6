"""Tasks of multiplication in groups, and of any table of an operation."""
