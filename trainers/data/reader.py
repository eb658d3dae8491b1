"""Rows of the corpus -> examples, each read by its place in a shard.

Shape letters in this file:
    N  samples of the corpus    M  stored frames with their margins
    T  frames that the model sees    H, W  pixels    C  colours
    K  windows of a bag    L  pieces of a window
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from configs.data import DataConfig
from shards import storage
from shards.clipcodec import stored_frames
from shards.state import is_rebuilt
from trainers.data.batch import Example
from trainers.data.clips import augment, jitter, resize_short_side
from trainers.data.corpus import Corpus
from trainers.data.damage import DamagedSample
from trainers.data.shelf import Shelf
from trainers.data.tokenizer import PAD, Tokenizer

logger = logging.getLogger(__name__)


MOST_TEXTS = 2_000_000
"""Clips whose narration a tokenizer is trained on; of more, every second, third, ... one."""


def train_texts(corpus: Corpus) -> list[str]:
    """Return the narration of the train split: each clip's nearest window, once a video."""
    texts: dict[tuple[str, str], None] = {}
    num_clips = len(corpus.rows_of_split("train"))
    stride, seen = max(1, -(-num_clips // MOST_TEXTS)), 0
    if stride > 1:
        logger.info("a vocabulary is made from one in %d of %d clips", stride, num_clips)
    for rows in corpus.batches(["video_id", "caption"], "train"):
        # One list of clips, however it is cut into tables.
        some = rows.take(np.arange(-seen % stride, rows.num_rows, stride))
        texts |= dict.fromkeys(zip(*(column.to_pylist() for column in some.columns), strict=True))
        seen += rows.num_rows
    return [caption for _, caption in texts]


class ClipReader:
    """Reads, decodes and augments clips. Safe to use from several threads.

    Attributes:
        places: Where each sample lies, and its video.
        clip_shape: T, H, W and C of what the model sees.
        bag_shape: K and L.
        reading: Entered with the row while it is read, so that somebody can note it.
    """

    def __init__(
        self,
        config: DataConfig,
        corpus: Corpus,
        tokenizer: Tokenizer,
        candidates: int,
        max_words: int,
    ) -> None:
        """Prepare to read.

        Args:
            config: Where the shards are, and what is done to a clip.
            corpus: The manifests of those shards.
            tokenizer: Turns windows into pieces.
            candidates: K, windows of the bag that are kept, nearest first.
            max_words: L, pieces kept of a window.

        Raises:
            ValueError: If copies of remote shards are wanted, and too little room is given.
        """
        self._config = config
        self._corpus = corpus
        self._shelf = Shelf(config, corpus)
        # 24 bytes a row, of which there may be a hundred million: no key, no name, no caption.
        self.places = corpus.places()
        self._tokenizer = tokenizer
        self.clip_shape = (config.num_frames, config.size, config.size, 3)
        self.bag_shape = (candidates, max_words)
        self.reading: Callable[[int], AbstractContextManager[Any]] = nullcontext
        self._cache: dict[int, tuple[np.ndarray, np.ndarray, int]] = {}
        self._cache_room = int(config.cache_gib * 2**30)
        self._cache_lock = threading.Lock()

    def shards_of(self, rows: np.ndarray) -> list[int]:
        """Return the numbers of the shards in which rows lie, each once."""
        return np.unique(self.places.shard_N[rows]).tolist()

    def prepare_shard(self, number: int) -> None:
        """Check a shard, and copy it where it shall be copied, before a sample of it is read.

        Raises:
            ValueError: If it is damaged. Reading a sample will raise it again.
            OSError: If a disk or a store fails.
        """
        self._shelf.prepare(number)

    def example(self, row: int, seed: int | None) -> Example:
        """Return one clip with its bag.

        Args:
            row: Row of the corpus.
            seed: Seed of the augmentation; None takes the middle of the clip.

        Raises:
            DamagedSample: If the sample is damaged, naming shard and key.
            ValueError: If its shards are being replaced.
            OSError: If a disk or a store fails: trying again may help.
        """
        try:
            with self.reading(row):
                stored_MHWC, tokens_KL, margin = self._stored(row)
                random = None if seed is None else np.random.Generator(np.random.PCG64(seed))
                frames_THWC = augment(jitter(stored_MHWC, margin, random), self._config, random)
        except ValueError as error:
            raise self._complaint(row, error) from error
        # A window that the tokenizer knows nothing of is no candidate either.
        mask_K = (tokens_KL != PAD).any(axis=1)
        return Example(frames_THWC, tokens_KL, mask_K, int(self.places.video_N[row]), row)

    def _stored(self, row: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Return what does not depend on the augmentation: frames, bag and margin."""
        cached = self._cache.get(row)
        if cached is not None:
            return cached
        places = self.places
        offset, length = int(places.offset_N[row]), int(places.length_N[row])
        sample = self._shelf.read(int(places.shard_N[row]), offset, length)
        stored_MHWC = stored_frames(sample, self._config.decoder)
        candidates, max_words = self.bag_shape
        tokens_KL = np.full((candidates, max_words), PAD, dtype=np.int64)
        texts = [window.text for window in sample.windows[:candidates]]
        tokens_KL[: len(texts)] = self._tokenizer.encode(texts, max_words)
        if self._cache_room > 0:
            # All frames are resized once; without a cache only those that are picked are.
            stored_MHWC = resize_short_side(stored_MHWC, self._config.resize)
            self._keep(row, stored_MHWC, tokens_KL, sample.margin)
        return stored_MHWC, tokens_KL, sample.margin

    def _keep(self, row: int, stored_MHWC: np.ndarray, tokens_KL: np.ndarray, margin: int) -> None:
        with self._cache_lock:
            # Nothing is ever evicted: over an epoch every clip is as likely to come as another.
            if row not in self._cache and stored_MHWC.nbytes <= self._cache_room:
                self._cache[row] = (stored_MHWC, tokens_KL, margin)
                self._cache_room -= stored_MHWC.nbytes

    def _complaint(self, row: int, error: Exception) -> Exception:
        """Say which sample cannot be read: its key is looked up only now."""
        shard = self._corpus.shard(int(self.places.shard_N[row]))
        key = self._corpus.row(row, ["key"])["key"]
        what = f"sample {key} of {storage.shown(shard.path)}"
        if is_rebuilt(shard.folder):
            return ValueError(
                f"{what} must stay as it was, but a build is under way that replaces shards"
            )
        return DamagedSample(
            f"{what} must be readable, got: {error}; `weakvid verify {shard.folder}` checks all"
        )
