"""Jobs on a Ray cluster: sent there, found again by name, followed and stopped."""
