"""Asks nodes of a cluster something, each on itself, and waits for none of them for ever."""

import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


def ask_nodes(question: Callable[[], T], nodes: Iterable[str], limit_s: float) -> dict[str, T]:
    """Return what each node answers; one that fails, or takes too long, is left out.

    It asks for no CPU, so a node that is at work answers too.

    Args:
        question: Run on each node.
        nodes: Ray's ids of nodes that are alive.
        limit_s: How long all of them may take.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask: Any = ray.remote(question)
    asked = {}
    for node in nodes:
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        on_it = ask.options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        asked[on_it.remote()] = node
    ready, silent = ray.wait(list(asked), num_returns=len(asked), timeout=limit_s)
    answers = {}
    for reference in ready:
        try:
            answers[asked[reference]] = ray.get(reference)
        except ray.exceptions.RayError as error:
            why = str(error).splitlines()[0]
            logger.warning("node %s could not be asked: %s", asked[reference], why)
    for reference in silent:
        logger.warning("node %s does not answer", asked[reference])
        ray.cancel(reference)
    return {node: answers[node] for node in asked.values() if node in answers}
