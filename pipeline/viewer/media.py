"""Pictures, clips and sound of samples, read from the shards as they are asked for."""

import functools
import threading
from typing import Any

import numpy as np

from pipeline.reports.frames import decode_frames, film_jpeg, read_clip, spread
from shards.clipcodec import encode_clip
from shards.schema import Sample

NUM_KEPT_SAMPLES = 48
NUM_KEPT_FILMS = 512
NUM_KEPT_DECODED = 4
FILM_FRAMES = 8
FILM_WIDTH_PX = 240
FRAME_WIDTH_PX = 320
PLAYED_CRF = 18

Place = tuple[str, int, int]
"""Shard, offset and length of a sample."""


class Media:
    """Samples of an output folder; the last ones used are kept.

    Args:
        out: A folder written by `weakvid shards`, on this machine or in an object store.
    """

    def __init__(self, out: str) -> None:
        self._out = out
        # A page asks for two dozen films at once. More than two at a time are no faster.
        self._slots = threading.Semaphore(2)
        self._sample = functools.lru_cache(NUM_KEPT_SAMPLES)(self._read)
        self._frames = functools.lru_cache(NUM_KEPT_DECODED)(self._decode)
        self._film = functools.lru_cache(NUM_KEPT_FILMS)(self._draw_film)

    def sample(self, row: dict[str, Any]) -> Sample | None:
        """Return the sample of a manifest's row, or none where it cannot be read."""
        with self._slots:
            return self._sample(_place(row))

    def film(self, row: dict[str, Any]) -> bytes | None:
        """Return a JPEG of eight frames side by side, or none."""
        with self._slots:
            return self._film(_place(row))

    def frame(self, row: dict[str, Any], number: int) -> bytes | None:
        """Return a JPEG of one frame of the clip's own, or none where there is no such frame."""
        with self._slots:
            frames_THWC = self._frames(_place(row))
        if frames_THWC is None or not 0 <= number < len(frames_THWC):
            return None
        return film_jpeg(frames_THWC, [number], FRAME_WIDTH_PX)

    def clip(self, row: dict[str, Any]) -> bytes | None:
        """Return an mp4: the stored one, or one made of the frames of another encoding."""
        sample = self.sample(row)
        if sample is None or sample.encoding == "mp4":
            return sample.clip if sample else None
        with self._slots:
            frames_THWC = self._frames(_place(row))
        if frames_THWC is None:
            return None
        return encode_clip(frames_THWC, int(sample.meta.get("fps", 10)), PLAYED_CRF)

    def _read(self, place: Place) -> Sample | None:
        return read_clip(self._out, *place)

    def _decode(self, place: Place) -> np.ndarray | None:
        sample = self._sample(place)
        return decode_frames(sample) if sample else None

    def _draw_film(self, place: Place) -> bytes | None:
        frames_THWC = self._frames(place)
        if frames_THWC is None:
            return None
        places = spread(len(frames_THWC), FILM_FRAMES)
        return film_jpeg(frames_THWC, places, FILM_WIDTH_PX)


def _place(row: dict[str, Any]) -> Place:
    return row["shard"], row["offset"], row["length"]
