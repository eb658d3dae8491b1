"""Features of the clips of shards: tables, files and the folder that holds them."""
