"""The sound of a video as one 16 kHz mono track that is placed by time, with silence in gaps."""

from collections import deque
from fractions import Fraction

import av
import numpy as np

MAX_DRIFT_S = 0.04
"""Sound that stands further than this from where its PTS says is placed anew."""


class SoundTrack:
    """Resampled sound, of which only what is still wanted is kept.

    Positions count samples since the zero of the container.
    """

    def __init__(self, hz: int, zero_s: Fraction) -> None:
        self.hz = hz
        self._zero_s = float(zero_s)
        self._resampler = self._new_resampler()
        self._setup: tuple[str, str, int] | None = None
        self._chunks: deque[tuple[int, np.ndarray]] = deque()
        self._position = 0
        self._expected_s: float | None = None
        self._skip = 0
        self.is_ended = False

    @property
    def position(self) -> int:
        """Everything before this sample is known."""
        return self._position

    def push(self, frame: av.AudioFrame) -> None:
        """Append a decoded frame at the place that its PTS gives."""
        start_s = self._expected_s
        if (time_s := frame.time) is not None:
            start_s = time_s - self._zero_s
        if start_s is None:
            start_s = 0.0
        if self._expected_s is None or abs(start_s - self._expected_s) > MAX_DRIFT_S:
            self._drain()
            self._position = max(self._position, round(start_s * self.hz))
            self._skip = max(0, self._position - round(start_s * self.hz))
            self._expected_s = start_s
        setup = frame.format.name, frame.layout.name, frame.sample_rate
        if self._setup not in (None, setup):
            # Broadcasts change from stereo to 5.1 and back; a resampler takes one kind only.
            self._drain()
        self._setup = setup
        self._append(self._resampler.resample(frame))
        self._expected_s += frame.samples / frame.sample_rate

    def finish(self) -> None:
        """Append what the resampler still holds; everything after it is silence."""
        self._drain()
        self.is_ended = True

    def take(self, start: int, stop: int) -> np.ndarray:
        """Return int16 samples [start, stop); silence where there is none."""
        samples_N = np.zeros(stop - start, np.int16)
        for first, chunk_N in self._chunks:
            low, high = max(first, start), min(first + len(chunk_N), stop)
            if low < high:
                samples_N[low - start : high - start] = chunk_N[low - first : high - first]
        return samples_N

    def forget(self, before: int) -> None:
        """Drop the chunks that end before a sample."""
        while self._chunks and self._chunks[0][0] + len(self._chunks[0][1]) <= before:
            self._chunks.popleft()

    def _new_resampler(self) -> av.AudioResampler:
        return av.AudioResampler(format="s16", layout="mono", rate=self.hz)

    def _drain(self) -> None:
        if self._expected_s is not None:
            self._append(self._resampler.resample(None))
            self._resampler = self._new_resampler()

    def _append(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            samples_N = np.frombuffer(memoryview(frame.planes[0]), np.int16, frame.samples)
            if self._skip:
                # Sound that overlaps what is there already, or lies before zero.
                num_skipped = min(self._skip, len(samples_N))
                self._skip -= num_skipped
                samples_N = samples_N[num_skipped:]
            if len(samples_N):
                self._chunks.append((self._position, samples_N))
                self._position += len(samples_N)
