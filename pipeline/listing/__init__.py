"""What there is to build from: a folder, a table or HowTo100M's files become sources."""
