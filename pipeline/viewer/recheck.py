"""The source of a sample looked at again: the same bytes still, and the cues of its captions."""

from configs.sources import SourcesConfig
from pipeline.listing.build import list_sources
from pipeline.listing.source import SourceFile
from pipeline.tasks.narration import listed_captions
from pipeline.viewer.story import Chapter
from shards import storage

CUES_AROUND_S = 8.0
MAX_CUES = 24


def source_chapters(
    source: str, video_id: str, recorded: str, start_s: float, end_s: float
) -> list[Chapter]:
    """Tell whether a source is still the file that was read, and what its cues say.

    Args:
        source: Folder or listing of the sources.
        video_id: The video.
        recorded: SHA-256 of what was read, empty where it is not known.
        start_s: Start of the span around which cues are told.
        end_s: Its end; a span from 0 to 0 tells all cues.

    Raises:
        ValueError: If the sources do not list the video.
    """
    sources = SourcesConfig(path=source)
    found = next((s for s in list_sources(sources).sources if s.video_id == video_id), None)
    if found is None:
        raise ValueError(f"--source must list the video {video_id!r}, got {source}, which does not")
    return [
        Chapter("Source file now", _file_facts(found, recorded)),
        Chapter("Cues of its captions", _cue_facts(found, sources, start_s, end_s)),
    ]


def _file_facts(found: SourceFile, recorded: str) -> list[tuple[str, str]]:
    sha256 = storage.sha256_of(found.video)
    facts = [("path", found.video), ("sha256", sha256)]
    if recorded:
        same = "the bytes that were read" if sha256 == recorded else f"NOT {recorded} any more"
        facts.append(("is it the same", same))
    return facts


def _cue_facts(
    found: SourceFile, sources: SourcesConfig, start_s: float, end_s: float
) -> list[tuple[str, str]]:
    if not found.captions:
        return [("captions", "none listed: a track inside the video, or a transcript")]
    captions = listed_captions(found, sources.limits)
    if isinstance(captions, Exception):
        return [("captions", found.captions), ("problem", str(captions))]
    first_s, last_s = start_s - CUES_AROUND_S, end_s + CUES_AROUND_S
    is_all = start_s == end_s == 0.0
    near = [
        cue for cue in captions.cues if is_all or (cue.end_s > first_s and cue.start_s < last_s)
    ]
    facts = [("captions", found.captions), ("cues", str(len(captions.cues)))]
    facts += [(f"{cue.start_s:.3f} to {cue.end_s:.3f} s", cue.text) for cue in near[:MAX_CUES]]
    if len(near) > MAX_CUES:
        facts.append(("and", f"{len(near) - MAX_CUES} more"))
    return facts if near else [*facts, ("near it", "nothing is said here")]
