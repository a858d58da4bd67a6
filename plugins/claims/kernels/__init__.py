"""Tangent kernels, and what kernel methods cannot learn."""
