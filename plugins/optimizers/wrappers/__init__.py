"""What is put around an optimizer, or made of several."""
