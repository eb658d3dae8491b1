"""Decodes one source through a child process, and hands on each clip as it comes."""

from collections.abc import Callable, Sequence
from pathlib import Path

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media.errors import MediaError
from pipeline.media.framing import Message
from pipeline.media.process import DecoderChild
from pipeline.media.request import DecodeSummary, Probe, Request

MIN_BYTES_PER_S = 2000
"""Bytes of a file that are decoded in a second at the very least: a small file may claim to be
long, but cannot take long."""


def make_request(path: Path, clips: ClipsConfig, limits: LimitsConfig) -> Request:
    """Return what the child is told about a source."""
    longest_s = max(limits.deadline_s, limits.deadline_per_s * limits.duration_s)
    return Request(
        path=str(path.absolute()),
        num_frames=clips.num_frames,
        fps=clips.fps,
        short_side=clips.short_side,
        audio_hz=clips.audio_hz,
        crf=clips.crf,
        encoding=clips.encoding,
        jpeg_quality=clips.jpeg_quality,
        margin=clips.margin,
        black_below=clips.black_below,
        dark_below=clips.dark_below,
        static_below=clips.static_below,
        silent_below_db=clips.silent_below_db,
        reject_flags=clips.reject_flags,
        max_duplicate_share=clips.max_duplicate_share,
        max_pixels=limits.pixels,
        max_side_px=limits.side_px,
        max_duration_s=limits.duration_s,
        max_frames=limits.frames,
        max_streams=limits.streams,
        memory_bytes=limits.child_memory_bytes,
        cpu_s=int(longest_s) + 1,
    )


def deadline_s(request: Request, limits: LimitsConfig, starts: Sequence[int]) -> float:
    """Return how many seconds a child may take for the clips of a source.

    Args:
        request: What it was asked for.
        limits: The least deadline, and seconds for each second of video.
        starts: First slots of the clips, at least one; nothing after the last is decoded.
    """
    length_s = (max(starts) + request.num_frames + request.margin) / request.fps
    by_bytes_s = limits.deadline_s + Path(request.path).stat().st_size / MIN_BYTES_PER_S
    return max(limits.deadline_s, min(limits.deadline_per_s * length_s, by_bytes_s))


def decode_source(
    request: Request,
    limits: LimitsConfig,
    plan: Callable[[Probe], Sequence[int]],
    take: Callable[[Message, bytes], None],
) -> tuple[Probe, DecodeSummary]:
    """Run one child over one source.

    Args:
        request: What to open, and how.
        limits: The deadline.
        plan: Called once with the probe, before any decode; returns the first slots of the
            clips, ascending.
        take: Called with each clip (`kind` "clip": `slot`, `pts_s`, `dup`, `clip_bytes`, and
            the mp4 followed by the flac) and each reject (`kind` "reject": `slot`, `code`,
            `detail`).

    Raises:
        MediaError: If the source as a whole is rejected.
    """
    with DecoderChild(limits.deadline_s) as child:
        child.send(request.to_json())
        probe = read_probe(child.receive()[0])
        starts = list(plan(probe))
        child.deadline_s = deadline_s(request, limits, starts)
        child.send({"starts": starts})
        expected = set(starts)
        while True:
            message, block = child.receive()
            match message.get("kind"):
                case "clip" | "reject" if message.get("slot") in expected:
                    expected.discard(message["slot"])
                    take(message, block)
                case "end" if not expected:
                    return probe, DecodeSummary.from_json(message["summary"])
                case kind:
                    raise MediaError("E_CRASH", f"the decoder sent {kind!r} out of turn")


def read_probe(message: Message) -> Probe:
    """Return the probe in the first message of a child.

    Raises:
        MediaError: `E_CRASH` if there is none.
    """
    try:
        return Probe.from_json(message["probe"])
    except (KeyError, TypeError) as error:
        raise MediaError("E_CRASH", f"the decoder sent no probe: {error!r}") from error
