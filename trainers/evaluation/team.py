"""The clips of an evaluation, shared out over Ray tasks; what they find is put together in order.

Each task takes adjacent whole batches. So every clip is embedded in the batch that it would be in
on one process, with as many threads, and the result is the same to the last bit.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from configs.fusion import EvaluationConfig
from shards.paths import AnyPath
from shards.schema import Window
from trainers.evaluation.clips import Clip
from trainers.evaluation.embed import Embedder, Features, Looks
from trainers.evaluation.frozen import Frozen

Bags = list[tuple[Window, ...]]


def share_of(clips: Sequence[Clip], batch: int, worker: int, workers: int) -> Sequence[Clip]:
    """Return the clips of one worker: whole batches, adjacent, none twice and none left out."""
    num_batches = -(-len(clips) // batch)
    begin, end = (num_batches * place // workers for place in (worker, worker + 1))
    return clips[begin * batch : end * batch]


class Team:
    """An embedder, and helpers of it on Ray where there is more than one worker."""

    def __init__(self, frozen: Frozen, config: EvaluationConfig) -> None:
        """Take the model here; helpers read it from the run's folder."""
        self._frozen, self._config = frozen, config
        self._here = _embedder(frozen, config)
        self.texts = self._here.texts
        self.job = frozen.job

    def clips(self, clips: Sequence[Clip]) -> tuple[Features, Bags]:
        """Return features and bags of the clips, in their order. Raises as `Embedder.clips`."""
        if self._config.workers == 1:
            return self._here.clips(clips)
        parts = self._share_out(clips, "clips")
        return Features.join([features for features, _ in parts]), [
            bag for _, bags in parts for bag in bags
        ]

    def looks(self, clips: Sequence[Clip]) -> Looks:
        """Return what the video tower makes of clips, in their order."""
        if self._config.workers == 1:
            return self._here.looks(clips)
        return Looks.join(self._share_out(clips, "looks"))

    def _share_out(self, clips: Sequence[Clip], method: str) -> list[Any]:
        import ray

        config, frozen = self._config, self._frozen
        workers = min(config.workers, -(-len(clips) // config.batch))
        gpus = 1 if ray.cluster_resources().get("GPU", 0) >= workers else 0
        task = ray.remote(_embed_share).options(num_cpus=1, num_gpus=gpus, max_retries=3)
        threads = torch.get_num_threads()
        return ray.get(
            [
                task.remote(
                    (frozen.run_dir, frozen.checkpoint),
                    config,
                    threads,
                    method,
                    share_of(clips, config.batch, worker, workers),
                )
                for worker in range(workers)
            ]
        )


def _embed_share(
    run: tuple[AnyPath, AnyPath | None],
    config: EvaluationConfig,
    threads: int,
    method: str,
    clips: Sequence[Clip],
) -> Any:
    """Do a share in a task: as many threads as the driver has, since they decide how sums split."""
    torch.set_num_threads(threads)
    work: Callable[..., Any] = getattr(_embedder(Frozen.load(*run), config), method)
    return work(clips)


def _embedder(frozen: Frozen, config: EvaluationConfig) -> Embedder:
    return Embedder(frozen.job, frozen.model, frozen.tokenizer, config.batch, config.mel_bands)
