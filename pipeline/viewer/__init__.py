"""A local page over written shards, and the story of one sample."""
