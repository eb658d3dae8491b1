"""The two towers, and the translator between them."""
