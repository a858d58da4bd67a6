"""Networks written down by formula, and what they compute."""
