"""Values that hide themselves, and text freed of them."""
