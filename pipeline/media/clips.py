"""Collects the pictures of pending clips, and encodes each clip as soon as it is whole.

Only pictures and sound that a pending clip needs are kept, each once however many clips
overlap, so memory does not grow with the length of the video.
"""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.media.framing import Message
from pipeline.media.request import Request
from pipeline.media.sound import SoundTrack
from shards.clipcodec import encode_audio, encode_clip


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels of one slot (uint8 RGB of height x width x 3), and the frame they came from."""

    pixels: np.ndarray
    time_s: float
    source: int
    is_damaged: bool


def wanted_slots(starts: Sequence[int], num_frames: int) -> list[int]:
    """Return the slots of all clips, ascending, each once."""
    return sorted({start + place for start in starts for place in range(num_frames)})


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

    @property
    def is_done(self) -> bool:
        """Whether every clip is out."""
        return not self._pending and not self._unheard

    def add(self, slot: int, picture: Picture) -> Iterator[tuple[Message, bytes]]:
        """Take the picture of a slot; slots come in ascending order."""
        self._pictures[slot] = picture
        while self._pending and self._pending[0] + self._request.num_frames - 1 <= slot:
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
            audio = encode_audio(self._sound.take(first, stop), self._request.audio_hz)
            yield {**message, "clip_bytes": len(block)}, block + audio

    def close(self, code: str, detail: str) -> Iterator[tuple[Message, bytes]]:
        """Yield what is left when the video has ended: its unfinished clips are rejected."""
        yield from self.heard()
        while self._pending:
            yield _reject(self._pending.popleft(), code, detail), b""

    def _span(self, start: int) -> tuple[int, int]:
        """First and last + 1 sample of a clip's sound."""
        request = self._request
        first = start * request.audio_hz // request.fps
        return first, first + request.num_frames * request.audio_hz // request.fps

    def _forget_pictures(self) -> None:
        keep_from = self._pending[0] if self._pending else None
        for slot in [slot for slot in self._pictures if keep_from is None or slot < keep_from]:
            del self._pictures[slot]

    def _forget_sound(self) -> None:
        starts = [self._unheard[0][0]["slot"]] if self._unheard else list(self._pending)[:1]
        if self._sound is not None and starts:
            self._sound.forget(self._span(starts[0])[0])

    def _finish_pictures(self, start: int) -> tuple[Message, bytes]:
        request = self._request
        pictures = [self._pictures[start + place] for place in range(request.num_frames)]
        if any(picture.is_damaged for picture in pictures):
            return _reject(start, "W_CORRUPT", "a frame of the clip is damaged"), b""
        sources = [picture.source for picture in pictures]
        repeats = [False] + [one == two for one, two in itertools.pairwise(sources)]
        if sum(repeats) > request.max_duplicate_share * request.num_frames:
            detail = f"{sum(repeats)} of {request.num_frames} frames repeat the one before"
            return _reject(start, self._slow_code, detail), b""
        frames_THWC = np.stack([picture.pixels for picture in pictures])
        block = encode_clip(frames_THWC, request.fps, request.crf)
        message: Message = {
            "kind": "clip",
            "slot": start,
            "pts_s": [round(picture.time_s, 3) for picture in pictures],
            "dup": repeats,
            "flags": [],
            "clip_bytes": len(block),
        }
        return message, block


def _reject(start: int, code: str, detail: str) -> Message:
    return {"kind": "reject", "slot": start, "code": code, "detail": detail}
