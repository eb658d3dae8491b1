"""Who makes the parts: Ray actors that keep the model loaded, or this process. The same bytes."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from trainers.embedding.part import embed_part
from trainers.embedding.plan import Plan
from trainers.evaluation.embed import Embedder
from trainers.evaluation.frozen import Frozen


class PartMaker:
    """The model of a plan, and parts made with it."""

    def __init__(self, plan: Plan) -> None:
        """Load the model; as many threads as the plan says, since they decide how sums split."""
        torch.set_num_threads(plan.config.threads)
        frozen = Frozen.load(plan.run_dir, plan.checkpoint)
        config = plan.config
        self._plan = plan
        counts = [shard["num_samples"] for shard in plan.manifest.shards]
        self._first_rows = [0, *itertools.accumulate(counts)]
        self._embedder = Embedder(
            frozen.job, frozen.model, frozen.tokenizer, config.batch, config.mel_bands
        )

    def make(self, number: int) -> dict[str, Any]:
        """Embed a shard by its number in the manifest; return the record of the part."""
        plan = self._plan
        first = self._first_rows[number]
        return embed_part(self._embedder, plan.manifest, number, first, plan.out, plan.provenance)


def parts_here(
    plan: Plan, numbers: Sequence[int], stop: Callable[[], bool]
) -> Iterator[dict[str, Any]]:
    """Yield records of parts that are made in this process, until it is asked to stop."""
    threads = torch.get_num_threads()
    try:
        maker = PartMaker(plan)
        for number in numbers:
            if stop():
                return
            yield maker.make(number)
    finally:
        torch.set_num_threads(threads)


def parts_by_actors(
    plan: Plan, numbers: Sequence[int], stop: Callable[[], bool]
) -> Iterator[dict[str, Any]]:
    """Yield records of parts as actors finish them; what is begun is finished when asked to stop.

    An actor whose process dies is started again, and its shard is tried up to three times more.
    Ray must have been started.

    Raises:
        ValueError: If a shard is damaged, as in this process.
    """
    import ray
    from ray.exceptions import RayTaskError

    workers = min(plan.config.workers, len(numbers))
    gpus = 1 if ray.cluster_resources().get("GPU", 0) >= workers else 0
    kind = ray.remote(PartMaker).options(
        num_cpus=1, num_gpus=gpus, max_restarts=-1, max_task_retries=3
    )
    waiting = list(reversed(numbers))
    actors: list[Any] = [kind.remote(plan) for _ in range(workers)]
    busy = {actor.make.remote(waiting.pop()): actor for actor in actors}
    while busy:
        done, _ = ray.wait(list(busy), num_returns=1)
        actor = busy.pop(done[0])
        if waiting and not stop():
            busy[actor.make.remote(waiting.pop())] = actor
        try:
            record = ray.get(done[0])
        except RayTaskError as error:
            # As it would be said in this process, without the way through Ray.
            raise error.cause from error
        yield record
