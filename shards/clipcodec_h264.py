"""H.264 clips: encoded so that any decoder gives back exactly the same frames.

No B-frames and short closed groups of pictures: the layout on which decord's random access is
exact. One thread and bit-exact flags make the bytes a function of the pictures.

Shape letters: T frames, H and W pixels.
"""

import functools
import io
import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Literal

import av
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

logger = logging.getLogger(__name__)

GROUP_OF_PICTURES = 16
"""Most frames from one key frame to the next."""

PRESET = "veryfast"
"""x264's trade of time for size."""


def _instructions() -> str:
    """Return the x264 parameter that keeps it from AVX-512, "" on a processor without.

    Measured with the x264 that PyAV 18.1 bundles, on a processor with AVX-512: 3 to 6 of 400
    encodings of equal pictures differed in bytes, by what lay in memory before, and some real clips
    always differed from those of a processor without. AVX2 and older: 0 of 800, and one result.
    """
    try:
        return ":asm=avx2" if "avx512" in Path("/proc/cpuinfo").read_text() else ""
    except OSError:
        return ""


# When the module is imported: a decoder child may not open this file any more.
_INSTRUCTIONS = _instructions()

UNSPECIFIED = 2
"""Matrix of pictures of which nobody knows it (ISO/IEC 23091-2); readers take BT.601."""


def encode_planes(
    frames: Sequence[av.VideoFrame], fps: int, crf: int, matrix: int = UNSPECIFIED
) -> bytes:
    """Return an mp4 of exactly T frames at a constant rate, without audio.

    Args:
        frames: `yuv420p` of limited range, of one size with even sides. Their PTS are set.
        fps: Frames a second.
        crf: H.264 constant rate factor.
        matrix: How YUV was made of RGB, as ISO/IEC 23091-2 numbers it.
    """
    buffer = io.BytesIO()
    options = {"movflags": "+faststart", "fflags": "+bitexact"}

    # To put the index first the muxer reads back what it wrote, and has no file name for that.
    def reopen(*_: object) -> io.BytesIO:
        return io.BytesIO(buffer.getbuffer())

    with av.open(buffer, "w", format="mp4", options=options, io_open=reopen) as container:
        stream = container.add_stream("libx264", rate=fps, options=x264_options(crf))
        stream.width, stream.height = frames[0].width, frames[0].height
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.colorspace = matrix
        context.color_range = ColorRange.MPEG
        time_base = Fraction(1, fps)
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = index, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def x264_options(crf: int) -> dict[str, str]:
    """Return libx264's settings; the benchmark gives ffmpeg the same ones."""
    return {
        "preset": PRESET,
        "crf": str(crf),
        "bf": "0",
        "g": str(GROUP_OF_PICTURES),
        "flags": "+bitexact+cgop",
        # Captions of the source that travel in its frames belong to no clip.
        "a53cc": "0",
        "x264-params": "threads=1:lookahead-threads=1:open-gop=0" + _INSTRUCTIONS,
    }


def decode_h264(data: bytes, decoder: Literal["decord", "pyav"]) -> np.ndarray:
    """Return the frames of an mp4 made by `encode_planes` as uint8 RGB, (T, H, W, 3).

    Raises:
        ValueError: If the clip cannot be decoded.
    """
    decord = import_decord() if decoder == "decord" else None
    if decord is not None:
        try:
            reader = decord.VideoReader(io.BytesIO(data), num_threads=1)
            return reader.get_batch(range(len(reader))).asnumpy()
        except (decord.DECORDError, RuntimeError) as error:
            # decord 0.6.0 refuses sound clips of some widths below 80 pixels: 16, 24, 48, 72.
            # It says so in time, and where the clip itself is broken PyAV says that. Its messages
            # may quote the file, hence the cut.
            logger.debug("decord refused a clip of %d bytes: %.200s", len(data), error)
    try:
        return _decode_with_pyav(data)
    except av.FFmpegError as error:
        raise ValueError(f"a clip of {len(data)} bytes must decode, got: {error}") from error


@functools.cache
def import_decord() -> ModuleType | None:
    """Return decord, or None with one warning where it cannot be imported."""
    try:
        import decord
    except (ImportError, OSError) as error:
        logger.warning("decord cannot be imported (%s): clips are decoded with PyAV", error)
        return None
    return decord


def _decode_with_pyav(data: bytes) -> np.ndarray:
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        num_frames, frames = 1, []
        # One reformatter for all frames: each frame's own would set up its tables again.
        to_rgb = VideoReformatter()
        for stream in container.streams.video[:1]:
            stream.codec_context.thread_count = 1
            num_frames = stream.frames
            # Threads of the conversion cost a quarter more than all of it by one.
            frames += [
                to_rgb.reformat(frame, format="rgb24", threads=1).to_ndarray()
                for frame in container.decode(stream)
            ]
    if not frames or len(frames) != num_frames:
        raise ValueError(
            f"a clip of {len(data)} bytes must hold {num_frames} frames, got {len(frames)}"
        )
    return np.stack(frames)
