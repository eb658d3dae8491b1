"""Counting in parts: here, or as Ray tasks; the sum is the same, as whole numbers are summed."""

from collections.abc import Callable, Sequence
from typing import Any

import ray

from trainers.words.counts import Counts, merge

Count = Callable[..., Counts]


def count_parts(count: Count, parts: Sequence[Any], shared: Any) -> Counts:
    """Return the sum of `count(part, shared)` over parts, in this process."""
    return merge(count(part, shared) for part in parts)


def count_parts_on_ray(
    count: Count, parts: Sequence[Any], shared: Any, cpus: float = 1.0, retries: int = 3
) -> Counts:
    """Return the same from a task a part, of the cluster that this process is connected to.

    Args:
        count: A function of a module, of a part and what all share.
        parts: What is counted.
        shared: Sent once.
        cpus: CPUs that a task reserves.
        retries: How often a task whose worker died is begun again.
    """
    task = ray.remote(count).options(num_cpus=cpus, max_retries=retries)
    shared_ref = ray.put(shared)
    return merge(ray.get([task.remote(part, shared_ref) for part in parts]))
