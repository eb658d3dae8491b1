"""Frames and sound -> H.264 + AAC in mp4, the same bytes each time."""

import subprocess
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
import numpy as np

_BIT_EXACT = {"fflags": "+bitexact", "flags:v": "+bitexact", "flags:a": "+bitexact"}


def encode_video(
    path: Path, frames: Iterable[np.ndarray], fps: Fraction, sound: np.ndarray, audio_hz: int
) -> None:
    """Write `path`.

    Args:
        path: the mp4 file; a `.pcm` file stands beside it meanwhile.
        frames: chunks of frames_FHWC in uint8, all of one size.
        fps: frames a second.
        sound: mono int16.
        audio_hz: samples a second.

    Raises:
        ValueError: there are no frames.
        RuntimeError: ffmpeg failed; the message holds what it said.
    """
    chunks = list(frames)
    if not chunks:
        raise ValueError(f"a video needs at least one frame, got none for {path}")
    height_px, width_px = chunks[0].shape[1:3]
    pcm = path.with_suffix(".pcm")
    try:
        sound.tofile(pcm)
        argv = _command(path, pcm, (width_px, height_px), fps, audio_hz)
        done = subprocess.run(
            argv,
            input=b"".join(chunk.tobytes() for chunk in chunks),
            capture_output=True,
            check=False,
        )
    finally:
        pcm.unlink(missing_ok=True)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"ffmpeg must write {path}, got exit code {done.returncode}: {said}")


def _command(
    path: Path, pcm: Path, size_px: tuple[int, int], fps: Fraction, audio_hz: int
) -> list[str]:
    """One thread, no metadata, no time stamps: nothing that differs between two runs."""
    width_px, height_px = size_px
    picture = ffmpeg.input(
        "-", format="rawvideo", pix_fmt="rgb24", s=f"{width_px}x{height_px}",
        r=f"{fps.numerator}/{fps.denominator}",
    )  # fmt: skip
    sound = ffmpeg.input(f"file:{pcm.resolve()}", format="s16le", ar=audio_hz, ac=1)
    output = ffmpeg.output(
        picture.video, sound.audio, f"file:{path.resolve()}",
        format="mp4", vcodec="libx264", preset="superfast", crf=20, pix_fmt="yuv420p",
        acodec="aac", aac_coder="fast", audio_bitrate="64k", threads=1, map_metadata=-1,
        movflags="+faststart", **_BIT_EXACT,
    )  # fmt: skip
    output = output.global_args("-hide_banner", "-loglevel", "error").overwrite_output()
    return output.compile(cmd=imageio_ffmpeg.get_ffmpeg_exe())
