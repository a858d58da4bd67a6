"""The largest margins, and networks that have them."""
