"""Everything about grokking: one idea per file. Imports framework only.

From the ground up: mathematics; networks and kernels; tasks, models, optimizers and penalties; probes; claims; figures and
benchmarks. The folders of the six kinds hold plugins only; what these share is in the rooms below them.
"""
