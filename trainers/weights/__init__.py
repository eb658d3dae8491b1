"""Weights in files: the published layout, the public training code's, and our own."""
