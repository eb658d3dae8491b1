"""Virtual ranks: which of them a worker runs.

A global batch is V micro-batches. What is random or statistical belongs to a virtual rank, so
the number of workers is only a matter of who computes what.
"""


def owned_ranks(virtual_ranks: int, workers: int, worker: int) -> range:
    """Return the contiguous virtual ranks of one worker, dealt as evenly as possible.

    Raises:
        ValueError: If a worker would be left with nothing to do.
    """
    if not 1 <= workers <= virtual_ranks:
        raise ValueError(
            "training.workers must be between 1 and training.virtual_ranks, "
            f"got {workers} workers for {virtual_ranks} virtual ranks"
        )
    return range(worker * virtual_ranks // workers, (worker + 1) * virtual_ranks // workers)
