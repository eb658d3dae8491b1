"""Which samples a step trains on, over one or several folders of shards.

A folder has a fixed number of clips in every batch and goes through its own epochs at its own
speed, so a mixture is as many orders as folders, asked for the same step. There is no state: the
batch of a step is a function of (manifests, weights, seed, step).

Shape letters in this file:
    G  samples of a global batch    M  folders
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from configs.data import DataConfig
from configs.runs import TrainJob
from shards.order import EpochOrder
from trainers.data.corpus import Corpus
from trainers.data.seeds import derive_seed


class Draw(NamedTuple):
    """The global batch of a step. Place `i` of it belongs to virtual rank `i // (G / V)`."""

    rows_G: np.ndarray
    """Rows of the corpus, int64."""

    folders_G: np.ndarray
    """Number of each sample's folder, int64."""

    positions_G: np.ndarray
    """Place of each sample in the epoch of its folder, int64."""

    epochs_M: tuple[int, ...]
    """Epoch of each folder, from 0."""

    def seed(self, seed: int, place: int) -> int:
        """Return the seed of the augmentation of the sample at a place of the batch."""
        folder = int(self.folders_G[place])
        return derive_seed(seed, self.epochs_M[folder], int(self.positions_G[place]), folder)


class Mixture:
    """Draws the global batch of each step.

    Args:
        orders: One a folder; their batches together are the global batch.
        rows: Rows of the corpus that each order draws from.

    Attributes:
        quotas: Clips of each folder in a batch.
        num_samples: Training samples of all folders.
        steps_per_epoch: Steps in which a single folder is seen once; of several, those in which
            as many samples are seen as there are.
    """

    def __init__(self, orders: Sequence[EpochOrder], rows: Sequence[np.ndarray]) -> None:
        self._orders, self._rows = tuple(orders), tuple(rows)
        self.quotas = tuple(order.global_batch for order in orders)
        self.global_batch = sum(self.quotas)
        self.num_samples = sum(order.num_samples for order in orders)
        self.steps_per_epoch = max(1, self.num_samples // self.global_batch)
        # Spread evenly: each virtual rank has its part of each folder.
        places = [(np.arange(quota) + 0.5) / quota for quota in self.quotas]
        folders = np.repeat(np.arange(len(orders)), self.quotas)
        self._spread_G = np.lexsort((folders, np.concatenate(places)))
        self._folders_G = folders[self._spread_G]

    def draw(self, step: int) -> Draw:
        """Return the global batch that follows `step` finished steps."""
        epochs, rows, positions = [], [], []
        for order, rows_of_folder in zip(self._orders, self._rows, strict=True):
            epoch, drawn = order.batch(step)
            epochs.append(epoch)
            rows.append(rows_of_folder[drawn])
            start = order.position(step)
            positions.append(np.arange(start, start + len(drawn)))
        return Draw(
            np.concatenate(rows)[self._spread_G],
            self._folders_G,
            np.concatenate(positions)[self._spread_G],
            tuple(epochs),
        )

    def spare(self, folder: int, seed: int) -> int:
        """Return a row of a folder that may stand in for another one, by a seed."""
        rows = self._rows[folder]
        return int(rows[seed % len(rows)])


def train_order(job: TrainJob, corpus: Corpus) -> Mixture:
    """Return the order of the train split.

    Raises:
        ValueError: If a folder holds fewer training clips than its part of a batch, or clips of a
            video cannot be kept apart.
    """
    config, seed = job.data, job.training.seed
    rows = [corpus.rows_of(number, "train") for number in range(len(corpus.manifests))]
    quotas = _quotas(config, [len(one) for one in rows], job.training.global_batch)
    shard_of_row = corpus.shard_of_row()
    videos = corpus.video_of_row() if config.one_clip_per_video else None
    if videos is not None:
        _refuse_shared_videos([videos[one] for one in rows])
    orders = [
        EpochOrder(
            len(own),
            quota,
            derive_seed(seed, number) if number else seed,
            shards=shard_of_row[own],
            shards_per_block=config.shards_per_block,
            videos=None if videos is None else videos[own],
        )
        for number, (own, quota) in enumerate(zip(rows, quotas, strict=True))
    ]
    return Mixture(orders, rows)


def _quotas(config: DataConfig, counts: Sequence[int], global_batch: int) -> list[int]:
    """Return the clips of each folder in a batch: its share, by largest remainder."""
    if len(counts) == 1:
        return [global_batch]
    weights = np.array(config.weights or counts, np.float64)
    if not weights.all():
        raise ValueError(
            "data.shards and each of data.mix must hold training clips, "
            f"got {dict(zip(config.folders(), counts, strict=True))}"
        )
    exact = weights / weights.sum() * global_batch
    quotas = np.floor(exact).astype(int)
    left = global_batch - quotas.sum()
    quotas[np.argsort(quotas - exact, kind="stable")[:left]] += 1
    if not quotas.all():
        raise ValueError(
            f"every folder must have a clip in a batch of {global_batch}, got {quotas.tolist()} by "
            f"the weights {weights.tolist()}; give data.weights that are nearer to each other, or "
            "raise training.global_batch"
        )
    return quotas.tolist()


def _refuse_shared_videos(videos: Sequence[np.ndarray]) -> None:
    seen = np.concatenate([np.unique(one) for one in videos])
    shared = len(seen) - len(np.unique(seen))
    if shared:
        raise ValueError(
            f"data.one_clip_per_video must have each video in one folder only, got {shared} videos "
            "that stand in several of data.shards and data.mix; turn it off, or leave one out"
        )
