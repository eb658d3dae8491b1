"""The training loop: step, schedule, checkpoints, metrics, attempts and the Ray entry."""
