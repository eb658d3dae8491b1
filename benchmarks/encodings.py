"""What each clip encoding costs on real videos: bytes, likeness, time to write and to read.

    python -m benchmarks.encodings [--videos DIR] [--clips 6]

prints the table of docs/encodings.md. Likeness is PSNR over the RGB pixels against the scaled
frames of the source, which are what `npy` stores. Times are CPU, on one thread: to encode from
scaled frames, to decode all 32 frames, and to decode one frame in the middle.
"""

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from configs.clips import ClipsConfig
from pipeline.media.picture import Scaler
from shards.clipcodec import decode_clip, encode_raw
from shards.clipcodec_h264 import encode_planes
from shards.clipcodec_jpegs import decode_jpegs, encode_jpegs, split_jpegs
from shards.schema import Encoding

CLIPS = ClipsConfig()
SUFFIXES = frozenset({".mp4", ".mov", ".wmv", ".avi", ".mkv", ".webm", ".mpg"})
MIDDLE = CLIPS.num_frames // 2


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip as scaled frames: planes for H.264, RGB for the others."""

    planes: list[av.VideoFrame]
    frames_THWC: np.ndarray
    matrix: int


@dataclass(frozen=True, slots=True)
class Coding:
    """One row of the table."""

    name: str
    encoding: Encoding
    encode: Callable[[Clip], bytes]
    read_one: Callable[[bytes], Any]


def codings() -> list[Coding]:
    """Return the rows of the table."""
    return [
        *(
            Coding(f"mp4, crf {crf}", "mp4", lambda clip, crf=crf: _mp4(clip, crf), _one_of_mp4)
            for crf in (18, 23, 28)
        ),
        *(
            Coding(
                f"jpgs, quality {quality}",
                "jpgs",
                lambda clip, quality=quality: encode_jpegs(clip.frames_THWC, quality),
                lambda data: decode_jpegs(split_jpegs(data)[MIDDLE]),
            )
            for quality in (95, 90, 75)
        ),
        Coding(
            "npy",
            "npy",
            lambda clip: encode_raw(clip.frames_THWC),
            lambda data: decode_clip(data, encoding="npy")[MIDDLE].copy(),
        ),
    ]


def _mp4(clip: Clip, crf: int) -> bytes:
    return encode_planes(clip.planes, CLIPS.fps, crf, clip.matrix)


def _one_of_mp4(data: bytes) -> np.ndarray:
    import decord

    return decord.VideoReader(io.BytesIO(data), num_threads=1)[MIDDLE].asnumpy()


def cut(video: Path, most: int) -> Iterator[Clip]:
    """Yield up to `most` clips, spread evenly over a video."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or Fraction(25)
        step = max(1, round(rate / CLIPS.fps))
        frames = [frame for index, frame in enumerate(container.decode(stream)) if not index % step]
        sar = Fraction(stream.sample_aspect_ratio or 1)
    whole = len(frames) // CLIPS.num_frames
    for number in sorted({place * whole // most for place in range(most)}) if whole else []:
        chosen = frames[number * CLIPS.num_frames :][: CLIPS.num_frames]
        scalers = [Scaler(CLIPS.short_side, 8192, wants_rgb=wanted) for wanted in (False, True)]
        for scaler in scalers:
            scaler.fix(chosen[0], sar)
        planes, colours = ([scaler.upright(frame) for frame in chosen] for scaler in scalers)
        frames_THWC = np.stack([frame.to_ndarray() for frame in colours])
        yield Clip(planes, frames_THWC, scalers[0].matrix)


def measure(coding: Coding, clip: Clip) -> dict[str, float]:
    """Return what one coding costs on one clip."""
    data, encode_ms = _timed(lambda: coding.encode(clip))
    back_THWC, decode_ms = _timed(lambda: decode_clip(data, "decord", coding.encoding))
    _, one_ms = _timed(lambda: coding.read_one(data))
    error = np.mean((back_THWC.astype(np.float64) - clip.frames_THWC) ** 2)
    psnr_db = 10 * np.log10(255**2 / error) if error else np.inf
    size_kib = len(data) / 1024
    return {
        "KiB": size_kib,
        "PSNR": psnr_db,
        "encode": encode_ms,
        "decode": decode_ms,
        "one": one_ms,
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    times_ms = []
    for _ in range(3):
        before_s = time.process_time()
        result = work()
        times_ms.append(1000 * (time.process_time() - before_s))
    return result, statistics.median(times_ms)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    data = Path(os.environ.get("WEAKVID_TEST_DATA", "../shared/data"))
    parser.add_argument("--videos", type=Path, default=data / "narrated")
    parser.add_argument("--clips", type=int, default=6)
    arguments = parser.parse_args()
    videos = [path for path in sorted(arguments.videos.iterdir()) if path.suffix in SUFFIXES]
    clips = [clip for video in videos for clip in cut(video, arguments.clips)]
    print(f"{len(clips)} clips of {len(videos)} videos, short side {CLIPS.short_side}; medians\n")
    print(
        "| encoding | KiB a clip | largest KiB | PSNR dB | encode ms | decode ms | one frame ms |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for coding in codings():
        found = [measure(coding, clip) for clip in clips]
        median = {name: statistics.median(one[name] for one in found) for name in found[0]}
        largest = max(one["KiB"] for one in found)
        print(
            f"| {coding.name} | {median['KiB']:.0f} | {largest:.0f} | {median['PSNR']:.1f} "
            f"| {median['encode']:.1f} | {median['decode']:.1f} | {median['one']:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
