"""Word vectors from what is seen together."""
