"""Typed settings, and the YAML presets that fill them. Floor 0: imports nothing of ours."""
