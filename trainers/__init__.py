"""Shards to models to evaluation figures. Floor 2."""
