"""Opens a raw upload inside the decoder child, and says what it is. Nothing is decoded here."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from pipeline.media.allowed import AUDIO, VIDEO, open_options
from pipeline.media.containers import is_cut_off, is_encrypted, lacks_index
from pipeline.media.errors import MediaError, words_of
from pipeline.media.length import measure_end_s
from pipeline.media.request import Probe, Request

_GENERATE_PTS = 1  # AVFMT_FLAG_GENPTS, which PyAV sets
_HDR_TRANSFERS = frozenset({16, 18})  # SMPTE 2084 (PQ) and HLG in ISO/IEC 23091-2


@dataclass(frozen=True, slots=True)
class Source:
    """An open container, the streams that are used, and its zero."""

    container: av.container.InputContainer
    video: av.VideoStream
    audio: av.AudioStream | None
    zero_s: Fraction
    sar: Fraction
    probe: Probe


def open_source(request: Request) -> Source:
    """Open a file and choose its streams.

    Raises:
        MediaError: With the code that says why it cannot be used.
    """
    try:
        container = av.open(f"file:{request.path}", options=open_options())
        # Where a file has no PTS, FFmpeg would guess them, and guess wrong for B-frames.
        container.flags &= ~_GENERATE_PTS
    except av.error.FileNotFoundError as error:
        raise MediaError("E_FETCH", "the file is gone") from error
    except (av.error.FFmpegError, ValueError) as error:
        raise _open_error(Path(request.path), error) from error
    if len(container.streams) > request.max_streams:
        raise MediaError(
            "E_HUGE",
            f"{len(container.streams)} streams, at most {request.max_streams} "
            "(sources.limits.streams)",
        )
    video = _choose_video(container)
    if "enc_key_id" in video.metadata or is_encrypted(Path(request.path)):
        raise MediaError("E_DRM", "the pictures are encrypted")
    audio = _choose_audio(container)
    _check_size(video, request)
    zero_s = _zero_s(container)
    sar = Fraction(video.sample_aspect_ratio or 1) or Fraction(1)
    probe = _probe(container, video, audio, (zero_s, sar), request)
    return Source(container, video, audio, zero_s, sar, probe)


def _open_error(path: Path, error: Exception) -> MediaError:
    size = path.stat().st_size if path.exists() else 0
    if not size:
        return MediaError("E_EMPTY", "the file has no bytes")
    if lacks_index(path):
        return MediaError("E_MOOV", "an MP4 without its index (moov): truncated")
    return MediaError("E_NOTMEDIA", f"no known container: {words_of(error, 160)}")


def _choose_video(container: av.container.InputContainer) -> av.VideoStream:
    streams = container.streams.video
    if not streams:
        raise MediaError("E_NOVIDEO", "no video stream")
    real = [stream for stream in streams if not _is_cover(stream)]
    if not real:
        raise MediaError("E_NOVIDEO", "the only picture is cover art")
    known = [stream for stream in real if stream.codec_context is not None]
    if not known:
        raise MediaError("E_CODEC", "no decoder for the video stream")
    largest = max(known, key=lambda one: (one.width * one.height, -one.index))
    if largest.codec_context.name not in VIDEO:
        raise MediaError("E_CODEC", f"codec {largest.codec_context.name} is not allowed")
    if not largest.width or not largest.height:
        raise MediaError("E_CODEC", "the video stream does not tell the size of its pictures")
    return largest


def _is_cover(stream: av.VideoStream | av.AudioStream) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _choose_audio(container: av.container.InputContainer) -> av.AudioStream | None:
    audio = container.streams.best("audio")
    if not isinstance(audio, av.AudioStream) or audio.codec_context is None:
        return None
    if audio.codec_context.name not in AUDIO:
        return None
    return audio if audio.codec_context.sample_rate else None


def _check_size(video: av.VideoStream, request: Request) -> None:
    width, height = video.width, video.height
    if width * height > request.max_pixels or max(width, height) > request.max_side_px:
        raise MediaError(
            "E_HUGE",
            f"{width}x{height}, at most {request.max_pixels} px and {request.max_side_px} px a "
            "side (sources.limits)",
        )


def _zero_s(container: av.container.InputContainer) -> Fraction:
    """Return the time that players show as 0:00, exactly where a stream gives it exactly."""
    starts = [
        stream.start_time * Fraction(stream.time_base)
        for stream in (*container.streams.video, *container.streams.audio)
        if stream.start_time is not None and stream.time_base and not _is_cover(stream)
    ]
    # The start of a broadcast may be that of a data stream, which nobody sees or hears.
    is_broadcast = container.format.flags & av.format.Flags.ts_discont.value
    if container.start_time is None or (is_broadcast and starts):
        return min(starts, default=Fraction(0))
    rounded = Fraction(container.start_time, 1_000_000)
    exact = [start for start in starts if abs(start - rounded) <= Fraction(1, 1_000_000)]
    return exact[0] if exact else rounded


def _probe(
    container: av.container.InputContainer,
    video: av.VideoStream,
    audio: av.AudioStream | None,
    clock: tuple[Fraction, Fraction],
    request: Request,
) -> Probe:
    zero_s, sar = clock
    duration_s = _duration_s(container, video, zero_s, request.path)
    if duration_s is not None and duration_s > request.max_duration_s:
        raise MediaError(
            "E_HUGE",
            f"{duration_s:.0f} s, at most {request.max_duration_s:.0f} s "
            "(sources.limits.duration_s)",
        )
    context = video.codec_context
    # 8 bits a component unless the format's name ends in another depth, as in yuv420p10le.
    is_deep = any(depth in (context.pix_fmt or "") for depth in ("10le", "12le", "10be", "p010"))
    found = {
        "W_STARTTIME": zero_s != 0,
        "W_SAR": sar != 1,
        "W_NOAUDIO": audio is None,
        "W_COVERART": any(map(_is_cover, container.streams.video)),
        "W_HDR": int(context.color_trc or 0) in _HDR_TRANSFERS,
        "W_10BIT": is_deep,
        "W_TRUNC": is_cut_off(Path(request.path)),
        "W_FPSLOW": bool(video.average_rate) and video.average_rate < request.fps,
    }
    return Probe(
        duration_s=duration_s,
        codec=context.name,
        width=video.width,
        height=video.height,
        sar=f"{sar.numerator}:{sar.denominator}",
        rate=float(video.average_rate) if video.average_rate else None,
        has_audio=audio is not None,
        flags=sorted(flag for flag, is_so in found.items() if is_so),
    )


def _duration_s(
    container: av.container.InputContainer, video: av.VideoStream, zero_s: Fraction, path: str
) -> float | None:
    if container.format.flags & av.format.Flags.ts_discont.value or not (
        video.duration or container.duration
    ):
        end_s = measure_end_s(path, video.index)
        return None if end_s is None else float(end_s - zero_s)
    if video.duration and video.time_base is not None:
        start = video.start_time or 0
        return float((start + video.duration) * Fraction(video.time_base) - zero_s)
    # The container's duration counts from its own zero.
    return container.duration / 1_000_000 if container.duration else None
