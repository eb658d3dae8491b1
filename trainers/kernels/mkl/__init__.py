"""Multiple kernel learning: how much each of several kernels should count."""
