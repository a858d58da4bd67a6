"""Starter plugins: what `whygrok new-plugin` writes, under another name. Nothing imports these files."""
