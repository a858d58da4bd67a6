"""Experiments that ship with the product. They import framework.config only."""
