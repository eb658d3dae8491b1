"""Untrusted media: opened only in a child process that can be killed."""
