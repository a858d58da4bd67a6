"""Numbers that no network or no kernel can beat, and networks that come near them. Nothing here is a plugin."""
