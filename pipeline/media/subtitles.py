"""The text track inside a video -> cues, in the decoder child.

Packets are read and never decoded: their formats are simple, FFmpeg's subtitle decoders are not.
The file is opened a second time, so that the pass over the pictures begins where it would.
"""

import itertools
import struct
from collections.abc import Iterator
from dataclasses import replace

import av
from av.stream import Discard, Disposition

from pipeline.captions.substation import dialogue_text
from pipeline.captions.tags import language_of
from pipeline.captions.text import plain, tidy
from pipeline.media.allowed import SUBTITLES, open_options
from pipeline.media.length import packets_of
from pipeline.media.probe import Source
from pipeline.media.request import Request

MAX_CUES = 20_000
MAX_TEXT_BYTES = 1 << 20
"""Twelve hours of speech have 0.7 MB. A probe must fit into one message."""

_MAX_PACKET_BYTES = 1 << 16
_MAX_PACKETS = 200_000
_DEFAULT_S = 5.0
# ReadOrder, Layer, Style, Name, three margins and Effect stand before the text.
_NUM_SUBSTATION_COLUMNS = 8
_UNLIKELY = (
    Disposition.forced | Disposition.comment | Disposition.karaoke | Disposition.descriptions
)


def with_subtitles(source: Source, request: Request) -> Source:
    """Return the source with the cues of its text track in its probe, if it has one.

    The track is the first that is not forced, else the first. Cues past the limits are left
    out, and the source is flagged `W_CAPCUT`.
    """
    streams = [
        stream
        for stream in source.container.streams.subtitles
        if stream.codec_context is not None and stream.codec_context.name in SUBTITLES
    ]
    if not streams:
        return source
    chosen = min(streams, key=lambda one: (bool(one.disposition & _UNLIKELY), one.index))
    cues: list[tuple[float, float, str]] = []
    num_bytes = 0
    is_cut = False
    for cue in _closed(_cues(request.path, chosen.index, float(source.zero_s))):
        num_bytes += len(cue[2].encode("utf-8"))
        is_cut = len(cues) >= MAX_CUES or num_bytes > MAX_TEXT_BYTES
        if is_cut:
            break
        cues.append(cue)
    language = language_of(chosen.metadata.get("language", ""))
    flags = sorted({*source.probe.flags, *(["W_CAPCUT"] if is_cut else [])})
    probe = replace(source.probe, subtitles=cues, subtitle_language=language, flags=flags)
    return replace(source, probe=probe)


def _cues(path: str, index: int, zero_s: float) -> Iterator[tuple[float, float | None, str]]:
    """Read the packets of one stream: (start, end if told, text)."""
    with av.open(f"file:{path}", options=open_options()) as container:
        for stream in container.streams:
            stream.discard = Discard.all if stream.index != index else Discard.default
        stream = container.streams[index]
        codec = stream.codec_context.name
        tick_s = float(stream.time_base or 0)
        # A damaged file has the cues before the damage.
        for packet in itertools.islice(packets_of(container, stream), _MAX_PACKETS):
            if packet.pts is None or packet.size > _MAX_PACKET_BYTES:
                continue
            start_s = packet.pts * tick_s - zero_s
            duration_s = packet.duration * tick_s if packet.duration else None
            end_s = None if duration_s is None else round(start_s + duration_s, 3)
            yield round(start_s, 3), end_s, _text(codec, bytes(packet))


def _closed(
    cues: Iterator[tuple[float, float | None, str]],
) -> Iterator[tuple[float, float, str]]:
    """A cue without an end lasts until the next one starts. Empty ones only end the one before."""
    before: tuple[float, float | None, str] | None = None
    for cue in cues:
        if before is not None and before[2]:
            yield before[0], cue[0] if before[1] is None else before[1], before[2]
        before = cue
    if before is not None and before[2]:
        yield before[0], before[0] + _DEFAULT_S if before[1] is None else before[1], before[2]


def _text(codec: str, data: bytes) -> str:
    if codec == "mov_text":
        return tidy(_timed_text(data))
    text = data.decode("utf-8", errors="replace")
    if codec in ("ass", "ssa"):
        return dialogue_text(text.split(",", _NUM_SUBSTATION_COLUMNS)[-1])
    return plain(text)


def _timed_text(data: bytes) -> str:
    """3GPP timed text: two bytes of length, the text, then boxes of style."""
    if len(data) < 2:
        return ""
    (length,) = struct.unpack_from("!H", data)
    text = data[2 : 2 + length]
    is_wide = text.startswith((b"\xfe\xff", b"\xff\xfe"))
    return text.decode("utf-16" if is_wide else "utf-8", errors="replace")
