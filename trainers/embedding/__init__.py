"""Features of whole shards by a frozen run, and search in them."""
