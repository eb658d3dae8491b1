"""What is said in a source: its listed captions, else the subtitle track inside the video."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from configs.sources import LimitsConfig, SourcesConfig
from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.language import detect_language
from pipeline.captions.read import parse_captions
from pipeline.captions.timing import in_order
from pipeline.listing.source import SourceFile
from pipeline.media.request import Probe
from shards import storage
from shards.schema import sample_key

UNREACHABLE = frozenset({"E_FETCH", "E_CHANGED"})
"""Captions that may be good another time: the video is not kept without them."""


@dataclass(frozen=True, slots=True)
class Narration:
    """The cues of a source, none where it is kept without; `flags` say what was mended."""

    cues: tuple[Cue, ...] = ()
    flags: frozenset[str] = frozenset()
    language: str = ""
    format: str = ""


def with_transcripts(sources: Iterable[SourceFile], folder: str) -> list[SourceFile]:
    """Give sources without captions their transcript of the `asr` stage, where there is one.

    Done before the plan is made, so that a new transcript changes the fingerprint of its bundle.
    """
    names = set(storage.list_names(folder, ".json")) if folder else set()
    listed = []
    for source in sources:
        name = transcript_name(source.video_id)
        listed.append(source if source.captions or name not in names else _with(source, folder))
    return listed


def transcript_name(video_id: str) -> str:
    """Return the file name of a video's transcript."""
    return f"{sample_key(video_id, 0).partition('_')[0]}.json"


def _with(source: SourceFile, folder: str) -> SourceFile:
    path = storage.join(folder, transcript_name(source.video_id))
    stat = storage.local_path(path).stat()
    stamp = str(stat.st_mtime_ns)
    return replace(source, captions=path, caption_bytes=stat.st_size, caption_stamp=stamp)


def listed_captions(source: SourceFile, limits: LimitsConfig) -> Captions | CaptionError:
    """Read the captions that are listed with a source; return them, or why they are of no use."""
    offset, length = source.caption_span or (0, limits.caption_bytes + 1)
    try:
        data = storage.read_range(source.captions, offset, min(length, limits.caption_bytes + 1))
    except OSError as error:
        return CaptionError("E_FETCH", f"captions: {error.strerror or error}")
    try:
        return parse_captions(data, limits)
    except CaptionError as error:
        return error


def embedded_captions(probe: Probe) -> Captions | CaptionError:
    """Return the text track of a video as captions, `W_NOCAP` where it has none."""
    rows = [row for row in probe.subtitles or () if row[2].strip()]
    cues = [Cue(start_s, end_s, text) for start_s, end_s, text in rows]
    if not cues:
        return CaptionError("W_NOCAP", "no captions are listed, and the video has no text track")
    try:
        return in_order(cues, set(), probe.subtitle_language, "embedded")
    except CaptionError as error:
        return error


def narrate(
    source: SourceFile, captions: Captions | CaptionError, sources: SourcesConfig
) -> Narration:
    """Decide what is said in a video.

    Args:
        source: The video.
        captions: Its captions, or why they cannot be used.
        sources: Which languages are taken, and whether a video may come without captions.

    Raises:
        CaptionError: What is wrong with the captions, or `W_CAPLANG` for a language that is not
            asked for.
    """
    if isinstance(captions, CaptionError):
        if captions.code in UNREACHABLE or not sources.allow_uncaptioned:
            raise captions
        return Narration(flags=frozenset({captions.code, "W_NOCAP"}), language=source.language)
    language = captions.language or source.language or detect_language(captions.cues)
    if sources.languages and not _is_asked_for(language, sources.languages):
        raise CaptionError(
            "W_CAPLANG",
            f"the captions are in {language or 'a language that could not be told'}, "
            f"asked for: {', '.join(sources.languages)} (sources.languages)",
        )
    return Narration(tuple(captions.cues), captions.flags, language, captions.format)


def _is_asked_for(language: str, asked: Iterable[str]) -> bool:
    """Compare languages without their region: `en-US` is English."""
    return language.partition("-")[0].lower() in {one.partition("-")[0].lower() for one in asked}
