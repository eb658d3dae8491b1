"""Collects the pictures of pending clips, and encodes each clip as soon as it is whole.

Only pictures and sound that a pending clip needs are kept, each once however many clips
overlap, so memory does not grow with the length of the video.
"""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import av
import numpy as np

from pipeline.media.framing import Message
from pipeline.media.quality import picture_flags, small_luma, sound_flags
from pipeline.media.request import Request
from pipeline.media.sound import SoundTrack
from shards.clipcodec import encode_audio, encode_raw
from shards.clipcodec_h264 import UNSPECIFIED, encode_planes


@dataclass(frozen=True, slots=True)
class Picture:
    """What one slot shows, as `Scaler.upright` gives it, and the frame it came from."""

    frame: av.VideoFrame
    time_s: float
    source: int
    is_damaged: bool
    luma: np.ndarray

    @classmethod
    def of(cls, frame: av.VideoFrame, time_s: float, source: int, *, is_damaged: bool) -> Self:
        """Return the picture of a scaled frame."""
        return cls(frame, time_s, source, is_damaged, small_luma(frame))


def wanted_slots(starts: Sequence[int], num_frames: int, margin: int = 0) -> list[int]:
    """Return the slots of all clips with their margins, ascending, each once."""
    places = range(-margin, num_frames + margin)
    return sorted({start + place for start in starts for place in places})


class ClipAssembler:
    """Turns pictures by slot into finished messages, clip by clip in order of their starts.

    Args:
        request: Size, rates and the share of repeated frames that a clip may have.
        starts: First slots of the clips, ascending.
        sound: Where a clip's sound comes from; None for a video without.
        slow_code: Code of a clip with too many repeated frames.
    """

    def __init__(
        self, request: Request, starts: Sequence[int], sound: SoundTrack | None, slow_code: str
    ) -> None:
        self._request = request
        self._pending = deque(starts)
        self._sound = sound
        self._slow_code = slow_code
        self._pictures: dict[int, Picture] = {}
        self._unheard: deque[tuple[Message, bytes]] = deque()
        self._num_stored = request.num_frames + 2 * request.margin
        self.matrix = UNSPECIFIED
        """How YUV of the pictures was made of RGB; known with the first picture."""

    @property
    def is_done(self) -> bool:
        """Whether every clip is out."""
        return not self._pending and not self._unheard

    def add(self, slot: int, picture: Picture) -> Iterator[tuple[Message, bytes]]:
        """Take the picture of a slot; slots come in ascending order."""
        self._pictures[slot] = picture
        last_place = self._request.num_frames + self._request.margin - 1
        while self._pending and self._pending[0] + last_place <= slot:
            start = self._pending.popleft()
            message, block = self._finish_pictures(start)
            if message["kind"] == "clip" and self._sound is not None:
                self._unheard.append((message, block))
            else:
                yield message, block
            self._forget_pictures()
        yield from self.heard()

    def heard(self) -> Iterator[tuple[Message, bytes]]:
        """Yield the clips whose sound is now known to the end."""
        self._forget_sound()
        while self._unheard and self._sound is not None:
            message, block = self._unheard[0]
            first, stop = self._span(message["slot"])
            if self._sound.position < stop and not self._sound.is_ended:
                return
            self._unheard.popleft()
            samples_N = self._sound.take(first, stop)
            flags = sound_flags(samples_N, self._request)
            if refused := self._refused(flags):
                yield self._reject_flagged(message["slot"], refused), b""
                continue
            audio = encode_audio(samples_N, self._request.audio_hz)
            yield {**message, "flags": message["flags"] + flags}, block + audio

    def close(self, code: str, detail: str) -> Iterator[tuple[Message, bytes]]:
        """Yield what is left when the video has ended: its unfinished clips are rejected."""
        yield from self.heard()
        while self._pending:
            yield _reject(self._pending.popleft(), code, detail), b""

    def _span(self, start: int) -> tuple[int, int]:
        """First and last + 1 sample of a clip's sound, with that of its margins."""
        request = self._request
        first = (start - request.margin) * request.audio_hz // request.fps
        return first, first + self._num_stored * request.audio_hz // request.fps

    def _forget_pictures(self) -> None:
        keep_from = self._pending[0] - self._request.margin if self._pending else None
        for slot in [slot for slot in self._pictures if keep_from is None or slot < keep_from]:
            del self._pictures[slot]

    def _forget_sound(self) -> None:
        starts = [self._unheard[0][0]["slot"]] if self._unheard else list(self._pending)[:1]
        if self._sound is not None and starts:
            self._sound.forget(self._span(starts[0])[0])

    def _finish_pictures(self, start: int) -> tuple[Message, bytes]:
        request = self._request
        first = start - request.margin
        pictures = [self._pictures[first + place] for place in range(self._num_stored)]
        if any(picture.is_damaged for picture in pictures):
            return _reject(start, "W_CORRUPT", "a frame of the clip is damaged"), b""
        sources = [picture.source for picture in pictures]
        repeats = [False] + [one == two for one, two in itertools.pairwise(sources)]
        if sum(repeats) > request.max_duplicate_share * self._num_stored:
            detail = f"{sum(repeats)} of {self._num_stored} frames repeat the one before"
            return _reject(start, self._slow_code, detail), b""
        flags = picture_flags([picture.luma for picture in pictures], request)
        if refused := self._refused(flags):
            return self._reject_flagged(start, refused), b""
        block = self._encode([picture.frame for picture in pictures])
        message: Message = {
            "kind": "clip",
            "slot": start,
            "pts_s": [round(picture.time_s, 3) for picture in pictures],
            "dup": repeats,
            "flags": flags,
            "clip_bytes": len(block),
        }
        return message, block

    def _encode(self, frames: list[av.VideoFrame]) -> bytes:
        request = self._request
        match request.encoding:
            case "mp4":
                return encode_planes(frames, request.fps, request.crf, self.matrix)
            case "jpgs":
                # Only here: its imports would cost every child time.
                from shards.clipcodec_jpegs import encode_jpegs

                return encode_jpegs((one.to_ndarray() for one in frames), request.jpeg_quality)
            case _:
                return encode_raw(np.stack([one.to_ndarray() for one in frames]))

    def _refused(self, flags: list[str]) -> str | None:
        return next((flag for flag in flags if flag in self._request.reject_flags), None)

    def _reject_flagged(self, start: int, flag: str) -> Message:
        return _reject(start, flag, f"a clip that is {_FLAGGED[flag]} (clips.reject_flags)")


_FLAGGED = {
    "W_BLACK": "black for half of its frames",
    "W_DARK": "too dark",
    "W_STATIC": "without motion",
    "W_SILENT": "silent",
}


def _reject(start: int, code: str, detail: str) -> Message:
    return {"kind": "reject", "slot": start, "code": code, "detail": detail}
