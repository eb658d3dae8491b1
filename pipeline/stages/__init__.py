"""One module a verb; the command line imports the one that is called."""
