"""Rows of the manifest -> examples, each read by its place in a shard.

Shape letters in this file:
    M  stored frames with their margins    T  frames that the model sees
    H, W  pixels    C  colours    K  windows of a bag    L  pieces of a window
"""

import hashlib
import threading

import numpy as np

from configs.runs import TrainJob
from configs.training import DataConfig
from shards import storage
from shards.clipcodec import stored_frames
from shards.manifest import Manifest
from shards.order import EpochOrder
from shards.read import read_sample_at
from trainers.data.batch import Example
from trainers.data.clips import augment, jitter, resize_short_side
from trainers.data.tokenizer import PAD, Tokenizer


class DamagedSample(RuntimeError):  # noqa: N818 - it names a thing, as the reject codes do
    """A sample cannot be read or decoded."""


def split_rows(manifest: Manifest, split: str) -> np.ndarray:
    """Return the rows of the manifest that belong to a split, ascending, int64."""
    splits = manifest.samples.column("split").to_numpy(zero_copy_only=False)
    return np.flatnonzero(splits == split)


def train_order(job: TrainJob, manifest: Manifest) -> EpochOrder:
    """Return the order of the train split's rows.

    Raises:
        ValueError: If it holds fewer clips than one global batch.
    """
    rows = split_rows(manifest, "train")
    shards = manifest.samples.column("shard").dictionary_encode().combine_chunks().indices
    return EpochOrder(
        len(rows),
        job.training.global_batch,
        job.training.seed,
        shards=shards.to_numpy()[rows],
    )


def train_texts(manifest: Manifest) -> list[str]:
    """Return the narration of the train split: each clip's nearest window, once a video."""
    rows = split_rows(manifest, "train")
    table = manifest.samples.select(["video_id", "caption"]).take(rows)
    pairs = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return [caption for _, caption in dict.fromkeys(pairs)]


class ClipReader:
    """Reads, decodes and augments clips. Safe to use from several threads."""

    def __init__(
        self,
        config: DataConfig,
        manifest: Manifest,
        tokenizer: Tokenizer,
        candidates: int,
        max_words: int,
    ) -> None:
        """Prepare to read.

        Args:
            config: Where the shards are, and what is done to a clip.
            manifest: The manifest of those shards.
            tokenizer: Turns windows into pieces.
            candidates: K, windows of the bag that are kept, nearest first.
            max_words: L, pieces kept of a window.
        """
        self._config = config
        columns = manifest.samples.combine_chunks()
        self._key, self._shard, self._video = (
            columns.column(name) for name in ("key", "shard", "video_id")
        )
        self._offset, self._length = (columns.column(name) for name in ("offset", "length"))
        self._tokenizer = tokenizer
        self._bag_shape = (candidates, max_words)
        self._cache: dict[int, tuple[np.ndarray, np.ndarray, int]] = {}
        self._cache_room = int(config.cache_gib * 2**30)
        self._cache_lock = threading.Lock()

    def example(self, row: int, seed: int | None) -> Example:
        """Return one clip with its bag.

        Args:
            row: Row of the manifest.
            seed: Seed of the augmentation; None takes the middle of the clip.

        Raises:
            DamagedSample: If the sample cannot be read or decoded, naming shard and key.
        """
        video_id = self._video[row].as_py()
        try:
            stored_MHWC, tokens_KL, margin = self._stored(row)
            random = None if seed is None else np.random.Generator(np.random.PCG64(seed))
            frames_THWC = augment(jitter(stored_MHWC, margin, random), self._config, random)
        except (ValueError, OSError) as error:
            raise DamagedSample(
                f"sample {self._key[row].as_py()} of shard {self._shard[row].as_py()} in "
                f"{self._config.shards} must be readable, got: {error}; `weakvid verify` checks "
                "all of them"
            ) from error
        # A window that the tokenizer knows nothing of is no candidate either.
        mask_K = (tokens_KL != PAD).any(axis=1)
        return Example(frames_THWC, tokens_KL, mask_K, video_number(video_id), row)

    def _stored(self, row: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return what does not depend on the augmentation: resized frames, bag and margin."""
        cached = self._cache.get(row)
        if cached is not None:
            return cached
        path = storage.join(self._config.shards, self._shard[row].as_py())
        sample = read_sample_at(path, self._offset[row].as_py(), self._length[row].as_py())
        stored_MHWC = stored_frames(sample, self._config.decoder)
        stored_MHWC = resize_short_side(stored_MHWC, self._config.resize)
        candidates, max_words = self._bag_shape
        tokens_KL = np.full((candidates, max_words), PAD, dtype=np.int64)
        texts = [window.text for window in sample.windows[:candidates]]
        tokens_KL[: len(texts)] = self._tokenizer.encode(texts, max_words)
        with self._cache_lock:
            # Nothing is ever evicted: over an epoch every clip is as likely to come as another.
            if row not in self._cache and stored_MHWC.nbytes <= self._cache_room:
                self._cache[row] = (stored_MHWC, tokens_KL, sample.margin)
                self._cache_room -= stored_MHWC.nbytes
        return stored_MHWC, tokens_KL, sample.margin


def video_number(video_id: str) -> int:
    """Return an int64 that stands for a video's id."""
    digest = hashlib.blake2b(video_id.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
