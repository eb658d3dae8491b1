"""Fusion over time: recurrent, memory and attention states; chains of labels over them."""
