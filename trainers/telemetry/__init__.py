"""What a process tells whoever watches it: log lines, figures for Prometheus, a webhook."""
