"""What `whygrok bench` can time."""
