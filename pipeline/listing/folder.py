"""A folder -> its videos, each with the captions of the same name."""

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from configs.sources import SourcesConfig
from pipeline.listing.files import FoundFile, files_below
from pipeline.listing.paths import absolute, shown, split_suffix
from pipeline.listing.settle import settle
from pipeline.listing.source import Listing, ListingError, SourceFile, normal_id, refused_row

VIDEO_SUFFIXES = frozenset(
    ".mp4 .mkv .webm .mov .avi .wmv .m4v .mpg .mpeg .ts .flv .3gp".split()  # noqa: SIM905
)
# The preferred one first where a video has several. Their content says what they are.
CAPTION_SUFFIXES = (
    ".vtt", ".srt", ".json3", ".srv3", ".json", ".ttml", ".dfxp", ".ass", ".ssa", ".sbv", ".srv1",
    ".csv",
)  # fmt: skip
# These are many things; they are captions only where they bear the name of a video.
_AMBIGUOUS = frozenset({".json", ".csv"})
_LANGUAGE_TAG = re.compile(r"(.+)\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*)", re.DOTALL)


def list_folder(sources: SourcesConfig) -> Listing:
    """Return the videos of a folder and its subfolders.

    The id of a video is its path below the folder without the suffix. Captions are `ID.vtt` and
    the like, or `ID.en.vtt`, which tells their language.

    Raises:
        ValueError: If the folder is missing, cannot be read throughout or holds no video.
    """
    root = absolute(sources.path)
    files, notices = files_below(root, VIDEO_SUFFIXES | frozenset(CAPTION_SUFFIXES))
    videos: dict[str, list[FoundFile]] = defaultdict(list)
    captions: dict[str, list[FoundFile]] = defaultdict(list)
    for file in files:
        stem, suffix = split_suffix(file.name)
        (videos if suffix in VIDEO_SUFFIXES else captions)[normal_id(stem)].append(file)
    if not videos:
        raise ValueError(
            "sources.path must hold videos "
            f"({' '.join(sorted(VIDEO_SUFFIXES))}), got none in {root!r}"
        )
    chosen = _captions_of(videos, captions, sources.languages)
    found: list[SourceFile] = []
    rejects = list(_without_video(videos, captions))
    for video_id, same in videos.items():
        for file in same:
            try:
                found.append(_source(video_id, file, chosen.get(video_id)))
            except ListingError as refused:
                rejects.append(refused_row(video_id, refused, file.name))
    return settle(found, rejects, notices, sources.limits)


def _source(video_id: str, file: FoundFile, captions: tuple[FoundFile, str] | None) -> SourceFile:
    if isinstance(file.version, str):
        raise ListingError("E_FETCH", file.version)
    num_bytes, stamp = file.version
    source = SourceFile(video_id, file.path, "", shown(file.name), num_bytes, stamp)
    if captions is None or isinstance(captions[0].version, str):
        return source
    caption_bytes, caption_stamp = captions[0].version
    return dataclasses.replace(
        source,
        captions=captions[0].path,
        caption_bytes=caption_bytes,
        caption_stamp=caption_stamp,
        language=captions[1],
    )


def _captions_of(
    videos: Mapping[str, object],
    captions: Mapping[str, Sequence[FoundFile]],
    languages: Sequence[str],
) -> dict[str, tuple[FoundFile, str]]:
    """Return the captions of each video with their language, which the name may tell."""
    offers: dict[str, list[tuple[tuple[int, int, str], FoundFile, str]]] = defaultdict(list)
    wanted = [language.lower() for language in languages]
    for stem, files in captions.items():
        video_id, language = _owner(stem, videos)
        if not video_id:
            continue
        base = language.partition("-")[0].lower()
        # One without a language first, then the languages that are asked for, in that order.
        rank = 0 if not language else 1 + (wanted.index(base) if base in wanted else len(wanted))
        for file in files:
            if isinstance(file.version, str):
                continue
            suffix = CAPTION_SUFFIXES.index(split_suffix(file.name)[1])
            offers[video_id].append(((rank, suffix, file.name), file, language))
    return {video_id: min(these, key=lambda one: one[0])[1:] for video_id, these in offers.items()}


def _owner(stem: str, videos: Mapping[str, object]) -> tuple[str, str]:
    """Return the video that captions belong to, empty if none, and their language."""
    if stem in videos:
        return stem, ""
    tagged = _LANGUAGE_TAG.fullmatch(stem)
    return (tagged[1], tagged[2]) if tagged and tagged[1] in videos else ("", "")


def _without_video(
    videos: Mapping[str, Sequence[FoundFile]], captions: Mapping[str, Sequence[FoundFile]]
) -> Iterator[dict[str, Any]]:
    folders = {file.name.rpartition("/")[0] for files in videos.values() for file in files}
    for stem, files in captions.items():
        if _owner(stem, videos)[0]:
            continue
        for file in files:
            suffix = split_suffix(file.name)[1]
            in_company = file.name.rpartition("/")[0] in folders
            is_certain = suffix not in _AMBIGUOUS
            # A downloader's notes on a video stand in ID.info.json.
            if not is_certain and (suffix != ".json" or not in_company or stem.endswith(".info")):
                continue
            refused = ListingError("E_CAPNOVIDEO", "captions without a video")
            yield refused_row(stem, refused, file.name)
            break
