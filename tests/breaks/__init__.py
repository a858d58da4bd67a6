"""Ingredients of claims that are broken, one at a time. `BREAKS`: what → (claim, [(where, name, what it becomes)], the row that turns)."""
