"""Classifiers over video, audio and text, alone and fused, on equal terms."""
