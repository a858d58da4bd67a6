"""Everything about grokking: one idea, one file. Imports framework only."""
