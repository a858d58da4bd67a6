"""What several plugins calculate with: residues, groups, polynomials, Fourier transforms. Nothing here is a plugin."""
