"""Shards -> batches: tokenizer, augmentation and a loader whose order is arithmetic."""
