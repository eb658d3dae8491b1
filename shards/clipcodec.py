"""The clips that we store -> frames, however they are encoded; and their sound.

Shape letters: T frames, H and W pixels, C colours, N samples of sound.
"""

import io
from typing import Literal

import numpy as np
import soundfile
from av import VideoFrame
from av.video.reformatter import VideoReformatter

from shards.clipcodec_h264 import decode_h264, encode_planes
from shards.schema import Encoding, Sample


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
    to_planes = VideoReformatter()
    frames = [
        VideoFrame.from_ndarray(np.ascontiguousarray(one), format="rgb24") for one in frames_THWC
    ]
    planes = [to_planes.reformat(frame, format="yuv420p") for frame in frames]
    return encode_planes(planes, fps, crf)


def encode_raw(frames_THWC: np.ndarray) -> bytes:
    """Return uint8 RGB frames as a `.npy`."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(frames_THWC), allow_pickle=False)
    return buffer.getvalue()


def decode_clip(
    data: bytes, decoder: Literal["decord", "pyav"] = "decord", encoding: Encoding = "mp4"
) -> np.ndarray:
    """Return the frames of a stored clip as uint8 RGB, (T, H, W, 3).

    Args:
        data: A clip of ours. Other files are not for this function: decord gives wrong frames
            on some of them without an error.
        decoder: Of mp4. PyAV takes decord's place, with one warning, where decord is not
            installed.
        encoding: The extension of the clip's member.

    Raises:
        ValueError: If the clip cannot be decoded.
    """
    match encoding:
        case "mp4":
            return decode_h264(data, decoder)
        case "jpgs":
            from shards.clipcodec_jpegs import decode_jpegs

            return decode_jpegs(data)
        case "npy":
            return _decode_raw(data)


def _decode_raw(data: bytes) -> np.ndarray:
    try:
        frames_THWC = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"a clip of {len(data)} bytes must be a .npy, got: {error}") from error
    if frames_THWC.dtype != np.uint8 or frames_THWC.ndim != 4:
        raise ValueError(
            f"a clip must be uint8 of (T, H, W, 3), got {frames_THWC.dtype} of {frames_THWC.shape}"
        )
    return frames_THWC


def stored_frames(sample: Sample, decoder: Literal["decord", "pyav"] = "decord") -> np.ndarray:
    """Return all frames of a sample, its margins too. Raises as `decode_clip` does."""
    frames_THWC = decode_clip(sample.clip, decoder, sample.encoding)
    want = sample.meta.get("n", len(frames_THWC) - 2 * sample.margin) + 2 * sample.margin
    if len(frames_THWC) != want:
        raise ValueError(f"a clip must have {want} frames, got {len(frames_THWC)}")
    return frames_THWC


def clip_frames(sample: Sample, decoder: Literal["decord", "pyav"] = "decord") -> np.ndarray:
    """Return the frames of `[t0_s, t1_s)`, without margins. Raises as `decode_clip` does."""
    frames_THWC = stored_frames(sample, decoder)
    return frames_THWC[sample.margin : len(frames_THWC) - sample.margin]


def clip_audio(sample: Sample) -> tuple[np.ndarray, int]:
    """Return the sound of `[t0_s, t1_s)`, without margins: int16 samples and their rate in Hz.

    Raises:
        ValueError: If the sample has no sound, or it cannot be decoded.
    """
    if sample.audio is None:
        raise ValueError(f"sample {sample.key} must have sound, got none")
    samples_N, hz = decode_audio(sample.audio)
    margin = sample.margin * hz // sample.meta["fps"] if sample.margin else 0
    return samples_N[margin : len(samples_N) - margin], hz


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
