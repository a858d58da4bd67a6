"""What is read off finished and living runs: milestones, comparisons, curves, the pictures of probes."""
