"""What several plugins calculate with: residues, groups, polynomials, Fourier transforms, fits. Nothing here is a plugin."""
