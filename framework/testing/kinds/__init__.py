"""What plugins of each kind promise."""
