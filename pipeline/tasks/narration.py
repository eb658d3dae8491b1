"""What is said in a source: its listed captions, else the subtitle track inside the video."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from configs.sources import LimitsConfig, SourcesConfig
from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.language import detect_language
from pipeline.captions.read import parse_captions
from pipeline.captions.timing import in_order
from pipeline.listing.source import SourceFile
from pipeline.listing.spans import span_stamp
from pipeline.listing.versions import is_as_listed
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


def with_transcripts(sources: Sequence[SourceFile], folder: str) -> Sequence[SourceFile]:
    """Give sources without captions their transcript of the `asr` stage, where there is one.

    Done before the plan is made, so that a new transcript changes the fingerprint of its bundle.
    """
    names = set(storage.list_names(folder, ".json"))
    if not names:
        return sources
    return [
        _with_transcript(source, folder)
        if not source.captions and transcript_name(source.video_id) in names
        else source
        for source in sources
    ]


def transcript_name(video_id: str) -> str:
    """Return the file name of a video's transcript."""
    return f"{sample_key(video_id, 0).partition('_')[0]}.json"


def _with_transcript(source: SourceFile, folder: str) -> SourceFile:
    path = storage.join(folder, transcript_name(source.video_id))
    size, stamp = storage.version_of(path)
    return replace(source, captions=path, caption_bytes=size, caption_stamp=stamp)


def listed_captions(source: SourceFile, limits: LimitsConfig) -> Captions | CaptionError:
    """Read the captions that are listed with a source; return them, or why they are of no use."""
    try:
        return parse_captions(_listed_bytes(source, limits), limits)
    except CaptionError as error:
        return error


def _listed_bytes(source: SourceFile, limits: LimitsConfig) -> bytes:
    most = limits.caption_bytes + 1
    try:
        if source.caption_span is not None:
            offset, length = source.caption_span
            data = storage.read_range(source.captions, offset, min(length, most))
            is_listed = length >= most or span_stamp(data) == source.caption_stamp
        else:
            listed = source.caption_bytes, source.caption_stamp
            is_listed = is_as_listed(listed, storage.version_of(source.captions))
            data = storage.read_range(source.captions, 0, most)
    except OSError as error:
        raise CaptionError("E_FETCH", f"captions: {error.strerror or error}") from error
    if not is_listed:
        raise CaptionError("E_CHANGED", "captions: changed since they were listed; run again")
    return data


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
