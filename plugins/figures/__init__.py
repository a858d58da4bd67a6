"""The figures of the paper: what is drawn of the runs of their sweeps, and which shapes are seen."""
