"""Where files lie: a folder on this machine, a bucket, or a web server that is only read."""
