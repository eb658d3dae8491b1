"""Trackers that a run may be shown on beside its own files: extras, never required."""
