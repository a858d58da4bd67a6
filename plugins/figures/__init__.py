"""The figures of the paper, one file each: what is drawn of the runs of configs/paper/NAME, and which shapes are seen."""
