"""Inputs made of numbers: drawn at random, or read from a file."""
