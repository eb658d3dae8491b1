"""Rows of the manifest -> examples, each read by its place in a shard.

Shape letters in this file:
    M  stored frames with their margins    T  frames that the model sees
    H, W  pixels    C  colours    K  windows of a bag    L  pieces of a window
"""

import hashlib
import threading

import numpy as np

from configs.data import DataConfig
from configs.runs import TrainJob
from shards import storage
from shards.clipcodec import stored_frames
from shards.manifest import Manifest
from shards.order import EpochOrder
from shards.read import read_sample_at
from shards.schema import Split
from shards.state import is_rebuilt
from trainers.data.batch import Example
from trainers.data.clips import augment, jitter, resize_short_side
from trainers.data.tokenizer import PAD, Tokenizer


class DamagedSample(RuntimeError):  # noqa: N818 - it names a thing, as the reject codes do
    """A sample cannot be read or decoded."""


def split_rows(manifest: Manifest, split: Split) -> np.ndarray:
    """Return the rows of the manifest that belong to a split, ascending, int64."""
    return manifest.rows_of_split(split)


def train_order(job: TrainJob, manifest: Manifest) -> EpochOrder:
    """Return the order of the train split's rows.

    Raises:
        ValueError: If it holds fewer clips than one global batch.
    """
    rows = split_rows(manifest, "train")
    return EpochOrder(
        len(rows),
        job.training.global_batch,
        job.training.seed,
        shards=manifest.shard_of_row()[rows],
    )


def train_texts(manifest: Manifest) -> list[str]:
    """Return the narration of the train split: each clip's nearest window, once a video."""
    table = manifest.table(["video_id", "caption"], "train")
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
        self._manifest = manifest
        # 24 bytes a row, of which there may be a hundred million: no key, no name, no caption.
        self._shard = manifest.shard_of_row()
        self._offset, self._length, self._video = _places(manifest)
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
        try:
            stored_MHWC, tokens_KL, margin = self._stored(row)
            random = None if seed is None else np.random.Generator(np.random.PCG64(seed))
            frames_THWC = augment(jitter(stored_MHWC, margin, random), self._config, random)
        except (ValueError, OSError) as error:
            raise DamagedSample(self._complaint(row, error)) from error
        # A window that the tokenizer knows nothing of is no candidate either.
        mask_K = (tokens_KL != PAD).any(axis=1)
        return Example(frames_THWC, tokens_KL, mask_K, int(self._video[row]), row)

    def _stored(self, row: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return what does not depend on the augmentation: resized frames, bag and margin."""
        cached = self._cache.get(row)
        if cached is not None:
            return cached
        path = storage.join(self._config.shards, self._shard_name(row))
        sample = read_sample_at(path, int(self._offset[row]), int(self._length[row]))
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

    def _shard_name(self, row: int) -> str:
        return self._manifest.shards[self._shard[row]]["name"]

    def _complaint(self, row: int, error: Exception) -> str:
        """Say which sample cannot be read: its key is looked up only now."""
        [key] = self._manifest.rows(row, 1, ["key"]).column("key").to_pylist()
        what = f"sample {key} of shard {self._shard_name(row)} in {self._config.shards}"
        if is_rebuilt(self._config.shards):
            return f"{what} must stay as it was, but a build is under way that replaces shards"
        return f"{what} must be readable, got: {error}; `weakvid verify` checks all of them"


def _places(manifest: Manifest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return offset (int64), length (int32) and `video_number` (int64) of each row."""
    num_rows = manifest.num_samples
    offsets, numbers = np.empty(num_rows, np.int64), np.empty(num_rows, np.int64)
    lengths = np.empty(num_rows, np.int32)
    begin = 0
    for rows in manifest.batches(["offset", "length", "video_id"]):
        place = slice(begin, begin + rows.num_rows)
        offsets[place], lengths[place] = rows["offset"].to_numpy(), rows["length"].to_numpy()
        codes = rows["video_id"].combine_chunks().dictionary_encode()
        different = [video_number(video_id) for video_id in codes.dictionary.to_pylist()]
        numbers[place] = np.array(different, np.int64)[codes.indices.to_numpy()]
        begin = place.stop
    return offsets, lengths, numbers


def video_number(video_id: str) -> int:
    """Return an int64 that stands for a video's id."""
    digest = hashlib.blake2b(video_id.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
