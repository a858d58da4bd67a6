"""Screens of runs and sweeps that are being trained: lines of characters, and the terminal that shows them."""
