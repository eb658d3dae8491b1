"""The sample format: write, read, index, order, verify. Floor 1: knows no model and no pipeline."""
