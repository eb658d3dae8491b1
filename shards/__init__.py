"""The sample format: write, read, index, order, verify. Floor 1: imports configs only."""
