"""Plugins to begin with: what `whygrok new-plugin` writes, under another name. Nothing imports these files."""
