"""The embedded demo corpus: a little world, a narrator who drifts, and what was really shown."""
