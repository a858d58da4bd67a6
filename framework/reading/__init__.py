"""What is read off finished and running runs: milestones, comparisons, curves, the pictures of probes."""
