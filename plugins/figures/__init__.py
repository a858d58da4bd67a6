"""The figures of the paper: what is drawn from the runs of their sweeps, and which shapes are seen."""
