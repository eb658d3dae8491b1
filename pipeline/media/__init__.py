"""Untrusted media: found by the listing, opened only in a child process that can be killed."""
