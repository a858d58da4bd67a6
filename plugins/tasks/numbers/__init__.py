"""Tasks whose inputs are numbers: images, vectors, and whatever a file of the user's holds."""
