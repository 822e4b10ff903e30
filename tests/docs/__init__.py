"""The documents: they are readable, name what there is, and cite what exists."""
