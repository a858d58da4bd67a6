"""Sweeps: files that also define get_sweep."""
