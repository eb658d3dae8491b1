"""Rows of the corpus -> examples, each read by its place in a shard.

Shape letters in this file:
    N  samples of the corpus    M  stored frames with their margins
    T  frames that the model sees    H, W  pixels    C  colours
    K  windows of a bag    L  pieces of a window
    S  frames of a spectrogram    M  mel bands
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from configs.data import DataConfig
from shards import storage
from shards.clipcodec import decode_audio, stored_frames
from shards.schema import Sample
from shards.state import is_rebuilt
from trainers.data.batch import Example
from trainers.data.clips import augment, draw_start, jitter, resize_short_side
from trainers.data.corpus import Corpus
from trainers.data.damage import DamagedSample
from trainers.data.logmel import averaged, log_mel
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


class _Stored(NamedTuple):
    """What of a sample does not depend on the augmentation."""

    frames_MHWC: np.ndarray
    tokens_KL: np.ndarray
    margin: int
    """Frames before the clip, and as many after it."""

    mel_SM: np.ndarray | None
    """Spectrogram with margins; None without sound, or where nobody listens."""

    @property
    def nbytes(self) -> int:
        """Memory of what is large."""
        return self.frames_MHWC.nbytes + (0 if self.mel_SM is None else self.mel_SM.nbytes)


class ClipReader:
    """Reads, decodes and augments clips. Safe to use from several threads.

    Attributes:
        places: Where each sample lies, and its video.
        clip_shape: T, H, W and C of what the model sees.
        bag_shape: K and L.
        sound_shape: Positions and bands of the sound; None where nobody listens.
        reading: Entered with the row while it is read, so that somebody can note it.
    """

    def __init__(
        self,
        config: DataConfig,
        corpus: Corpus,
        tokenizer: Tokenizer,
        candidates: int,
        max_words: int,
        *,
        with_sound: bool = False,
    ) -> None:
        """Prepare to read.

        Args:
            config: Where the shards are, and what is done to a clip.
            corpus: The manifests of those shards.
            tokenizer: Turns windows into pieces.
            candidates: K, windows of the bag that are kept, nearest first.
            max_words: L, pieces kept of a window.
            with_sound: Whether the sound is read too.

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
        self.sound_shape = (config.mel_frames, config.mel_bands) if with_sound else None
        self.reading: Callable[[int], AbstractContextManager[Any]] = nullcontext
        self._cache: dict[int, _Stored] = {}
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
                stored = self._stored(row)
                random = None if seed is None else np.random.Generator(np.random.PCG64(seed))
                start = draw_start(stored.margin, random)
                clip_THWC = jitter(stored.frames_MHWC, stored.margin, start)
                frames_THWC = augment(clip_THWC, self._config, random)
        except ValueError as error:
            raise self._complaint(row, error) from error
        tokens_KL = stored.tokens_KL
        # A window that the tokenizer knows nothing of is no candidate either.
        mask_K = (tokens_KL != PAD).any(axis=1)
        video_id, mel_FM = int(self.places.video_N[row]), self._shown_sound(stored, start)
        return Example(frames_THWC, tokens_KL, mask_K, video_id, row, mel_FM)

    def _shown_sound(self, stored: _Stored, start: int) -> np.ndarray | None:
        """Return the sound of the frames that are shown."""
        if stored.mel_SM is None:
            return None
        num_stored = len(stored.frames_MHWC)
        begin, end = start / num_stored, 1 - (2 * stored.margin - start) / num_stored
        return averaged(stored.mel_SM, begin, end, self._config.mel_frames)

    def _stored(self, row: int) -> _Stored:
        """Return what does not depend on the augmentation."""
        cached = self._cache.get(row)
        if cached is not None:
            return cached
        places = self.places
        offset, length = int(places.offset_N[row]), int(places.length_N[row])
        sample = self._shelf.read(int(places.shard_N[row]), offset, length)
        frames_MHWC = stored_frames(sample, self._config.decoder)
        candidates, max_words = self.bag_shape
        tokens_KL = np.full((candidates, max_words), PAD, dtype=np.int64)
        texts = [window.text for window in sample.windows[:candidates]]
        tokens_KL[: len(texts)] = self._tokenizer.encode(texts, max_words)
        if self._cache_room > 0:
            # All frames are resized once; without a cache only those that are picked are.
            frames_MHWC = resize_short_side(frames_MHWC, self._config.resize)
        stored = _Stored(frames_MHWC, tokens_KL, sample.margin, self._spectrogram(sample))
        if self._cache_room > 0:
            self._keep(row, stored)
        return stored

    def _spectrogram(self, sample: Sample) -> np.ndarray | None:
        if self.sound_shape is None or sample.audio is None:
            return None
        return log_mel(*decode_audio(sample.audio), self._config.mel_bands).numpy()

    def _keep(self, row: int, stored: _Stored) -> None:
        with self._cache_lock:
            # Nothing is ever evicted: over an epoch every clip is as likely to come as another.
            if row not in self._cache and stored.nbytes <= self._cache_room:
                self._cache[row] = stored
                self._cache_room -= stored.nbytes

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
