"""Bounds of the loss on examples that training has not seen."""
