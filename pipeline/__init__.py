"""Raw videos to shards, and every command that a user types. Floor 3."""
