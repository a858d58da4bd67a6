"""Empirical tangent kernels: what the kernel probes share. Nothing here is registered."""
