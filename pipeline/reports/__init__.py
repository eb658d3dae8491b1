"""Reports: one self-contained HTML page about what went in and what came out of a run."""
