"""The clips that we store: encoded so that any decoder gives back exactly the same frames.

H.264 without B-frames and with short closed groups of pictures: the layout on which decord's
random access is exact. One thread and bit-exact flags make the bytes a function of the frames.
"""

import functools
import io
import logging
from types import ModuleType
from typing import Literal

import av
import numpy as np
import soundfile
from av.video.reformatter import VideoReformatter

logger = logging.getLogger(__name__)

GROUP_OF_PICTURES = 16
"""Most frames from one key frame to the next."""

PRESET = "veryfast"
"""x264's trade of time for size."""


def encode_clip(frames_THWC: np.ndarray, fps: int, crf: int) -> bytes:
    """Return an mp4 of exactly T frames at a constant rate, without audio.

    Args:
        frames_THWC: uint8 RGB with an even width and height; the caller rounds.
        fps: Frames a second.
        crf: H.264 constant rate factor.

    Raises:
        ValueError: If the frames have another shape, type or an odd side.
    """
    shape = frames_THWC.shape
    if frames_THWC.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or not shape[0]:
        raise ValueError(
            f"frames_THWC must be uint8 of (T, H, W, 3), got {frames_THWC.dtype} of {shape}"
        )
    if shape[1] % 2 or shape[2] % 2:
        raise ValueError(
            f"the sides of a clip must be even, got {shape[2]}x{shape[1]}; round where it is scaled"
        )
    buffer = io.BytesIO()
    options = {"movflags": "+faststart", "fflags": "+bitexact"}

    # To put the index first the muxer reads back what it wrote, and has no file name for that.
    def reopen(*_: object) -> io.BytesIO:
        return io.BytesIO(buffer.getvalue())

    with av.open(buffer, "w", format="mp4", options=options, io_open=reopen) as container:
        stream = container.add_stream("libx264", rate=fps, options=_x264_options(crf))
        stream.height, stream.width = shape[1], shape[2]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        for index, frame_HWC in enumerate(frames_THWC):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame_HWC), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _x264_options(crf: int) -> dict[str, str]:
    return {
        "preset": PRESET,
        "crf": str(crf),
        "bf": "0",
        "g": str(GROUP_OF_PICTURES),
        "flags": "+bitexact+cgop",
        "x264-params": "threads=1:lookahead-threads=1:open-gop=0",
    }


def decode_clip(data: bytes, decoder: Literal["decord", "pyav"] = "decord") -> np.ndarray:
    """Return the frames of a stored clip as uint8 RGB, (T, H, W, 3).

    Args:
        data: An mp4 made by `encode_clip`. Other files are not for this function: decord gives
            wrong frames on some of them without an error.
        decoder: PyAV takes decord's place, with one warning, where decord is not installed.

    Raises:
        ValueError: If the clip cannot be decoded.
    """
    decord = _import_decord() if decoder == "decord" else None
    if decord is not None:
        try:
            return _decode_with_decord(decord, data)
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
def _import_decord() -> ModuleType | None:
    try:
        import decord
    except (ImportError, OSError) as error:
        logger.warning("decord cannot be imported (%s): clips are decoded with PyAV", error)
        return None
    return decord


def _decode_with_decord(decord: ModuleType, data: bytes) -> np.ndarray:
    reader = decord.VideoReader(io.BytesIO(data), num_threads=1)
    return reader.get_batch(range(len(reader))).asnumpy()


def _decode_with_pyav(data: bytes) -> np.ndarray:
    with av.open(io.BytesIO(data), "r", format="mp4") as container:
        num_frames, frames = 1, []
        # One reformatter for all frames: each frame's own would set up its tables again.
        to_rgb = VideoReformatter()
        for stream in container.streams.video[:1]:
            stream.codec_context.thread_count = 1
            num_frames = stream.frames
            frames += [
                to_rgb.reformat(frame, format="rgb24").to_ndarray()
                for frame in container.decode(stream)
            ]
    if not frames or len(frames) != num_frames:
        raise ValueError(
            f"a clip of {len(data)} bytes must hold {num_frames} frames, got {len(frames)}"
        )
    return np.stack(frames)


def encode_audio(samples_N: np.ndarray, hz: int) -> bytes:
    """Return 16-bit mono flac.

    Args:
        samples_N: int16 samples.
        hz: Samples a second.

    Raises:
        ValueError: If the samples are not one channel of int16.
    """
    if samples_N.dtype != np.int16 or samples_N.ndim != 1:
        raise ValueError(
            f"samples_N must be int16 of (N,), got {samples_N.dtype} of {samples_N.shape}"
        )
    buffer = io.BytesIO()
    soundfile.write(buffer, samples_N, hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def decode_audio(data: bytes) -> tuple[np.ndarray, int]:
    """Return int16 mono samples and their rate in Hz.

    Raises:
        ValueError: If the audio cannot be decoded.
    """
    try:
        samples_N, hz = soundfile.read(io.BytesIO(data), dtype="int16")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"audio of {len(data)} bytes must decode, got: {error}") from error
    return samples_N, hz
