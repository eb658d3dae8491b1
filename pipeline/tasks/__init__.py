"""Sources -> plan -> bundles -> committed shards, with and without Ray."""
