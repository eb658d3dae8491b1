"""Caption files of every format -> cues -> windows of narration."""
