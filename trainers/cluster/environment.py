"""What Ray is told by its environment, wherever we start it."""

OF_DRIVERS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Retries are ours, and finite; those after its memory monitor killed a worker are endless.
    "RAY_task_oom_retries": "0",
}

OF_NODES = {
    **OF_DRIVERS,
    # Else a task that asks for no GPU is shown none, and says so once for each process.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Ray's own choice for workers is 15: on a busy machine they would starve.
    "RAY_worker_niceness": "0",
}
