"""What the training minimises."""
