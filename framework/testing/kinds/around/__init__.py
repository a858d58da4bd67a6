"""Promises of what stands around training: engines, and writers."""
