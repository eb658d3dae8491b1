"""What a trained run can do: retrieval, alignment, features for fusion."""
