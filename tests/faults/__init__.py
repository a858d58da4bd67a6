"""Faults by the hundred, each with a number that makes it again: what is killed, refused, mutated or left on for long loses nothing."""
