"""The middle of a video file as one clip: an example to search with. Decoded in a child process."""

from pathlib import Path

import numpy as np

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media.decode import decode_source, make_request
from pipeline.media.errors import MediaError
from pipeline.media.framing import Message
from pipeline.media.request import Probe
from shards.clipcodec import decode_clip


def middle_clip(path: Path, num_frames: int, fps: int, short_side: int) -> np.ndarray:
    """Return `num_frames` frames around the middle of a video, RGB uint8 of (T, H, W, 3).

    Args:
        path: A file of any format that the shards can be built from.
        num_frames: Frames of the clip.
        fps: Frames a second.
        short_side: Short side of the frames in pixels; rounded up to an even number.

    Raises:
        ValueError: If there is no such file, it cannot be decoded, or is too short.
    """
    if not path.is_file():
        raise ValueError(f"--clip must be a video file, got {path}")
    clips = ClipsConfig(
        num_frames=num_frames,
        fps=fps,
        short_side=short_side + short_side % 2,
        encoding="npy",
        reject_flags=(),
        max_duplicate_share=1.0,
    )
    taken: list[tuple[Message, bytes]] = []

    def plan(probe: Probe) -> list[int]:
        last = int((probe.duration_s or 0.0) * fps) - num_frames
        if last < 0:
            raise MediaError("E_SHORT", f"a clip has {num_frames / fps:g} s")
        return [last // 2]

    limits = LimitsConfig()
    try:
        decode_source(
            make_request(path, clips, limits),
            limits,
            plan,
            lambda message, block: taken.append((message, block)),
        )
    except MediaError as error:
        raise ValueError(f"--clip must be a video that can be decoded, {path}: {error}") from error
    message, block = taken[0]
    if message["kind"] != "clip":
        why = f"{message['code']} {message['detail']}"
        raise ValueError(f"--clip must be a video whose middle can be decoded, {path}: {why}")
    return decode_clip(block[: message["clip_bytes"]], encoding="npy")
