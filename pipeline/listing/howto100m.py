"""HowTo100M's own files -> sources: its table of videos, its captions, the videos you have.

HowTo100M_v1.csv      video_id, category_1, category_2, rank, task_id
caption.json          all captions, without stop words; raw_caption.json: with them
captions/VIDEO.csv    instead of the JSON: start, end, text
VIDEO.mp4             below `sources.root`, or below the folder itself
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from configs.sources import SourcesConfig
from pipeline.listing.columns import extra_json
from pipeline.listing.files import FoundFile, files_below
from pipeline.listing.folder import VIDEO_SUFFIXES
from pipeline.listing.paths import absolute, folder_of, is_folder, shown, split_suffix
from pipeline.listing.rows import open_table
from pipeline.listing.settle import settle
from pipeline.listing.source import Listing, ListingError, SourceFile, normal_id, refused_row
from pipeline.listing.span_index import spans_of
from shards import storage

VIDEO_TABLE = "HowTo100M_v1.csv"
_CAPTIONS = ("raw_caption.json", "caption.json", "captions")
_ID = {"id": "video_id"}


def list_howto100m(sources: SourcesConfig, cache: str) -> Listing:
    """Return the videos that lie here, with what the table and the captions say of them.

    Args:
        sources: Where all lies.
        cache: Folder for the index of the captions; empty: none is kept.

    Raises:
        ValueError: If the table, the captions or the videos are missing or cannot be read.
    """
    path = absolute(sources.path)
    folder = folder_of(path) if path.rpartition("/")[2] == VIDEO_TABLE else path
    root = absolute(sources.root) if sources.root else folder
    files, notices = files_below(root, VIDEO_SUFFIXES)
    if not files:
        raise ValueError(f"sources.root must hold the videos of HowTo100M, got none in {root}")
    by_id = [(normal_id(_stem(file)), file) for file in files]
    ids = {video_id for video_id, _ in by_id}
    facts, num_listed = _facts(storage.join(folder, VIDEO_TABLE), ids)
    captions_path = _captions_path(sources, folder)
    captions = _captions(captions_path, ids, cache)
    variant = sources.text_variant
    if variant == "auto":
        variant = "raw" if captions_path.endswith("/raw_caption.json") else "processed"
    found: list[SourceFile] = []
    rejects: list[dict[str, Any]] = []
    for video_id, file in by_id:
        more = {**facts.get(video_id, {}), "text_variant": variant}
        try:
            found.append(_source(video_id, file, captions.get(video_id, {}), more))
        except ListingError as refused:
            rejects.append(refused_row(video_id, refused, file.name))
    notices.append(
        f"{len(ids & facts.keys())} of the {num_listed} videos of {VIDEO_TABLE} lie here, "
        f"{len(ids - facts.keys())} that it does not list"
    )
    return settle(found, rejects, notices, sources.limits)


def _stem(file: FoundFile) -> str:
    return split_suffix(file.name.rpartition("/")[2])[0]


def _source(
    video_id: str, file: FoundFile, captions: Mapping[str, Any], more: Mapping[str, Any]
) -> SourceFile:
    if isinstance(file.version, str):
        raise ListingError("E_FETCH", file.version)
    source = SourceFile(
        video_id=video_id,
        video=file.path,
        captions="",
        name=shown(file.name),
        bytes=file.version[0],
        stamp=file.version[1],
        extra=extra_json(more, _ID),
    )
    return dataclasses.replace(source, **captions)


def _facts(path: str, wanted: set[str]) -> tuple[dict[str, dict[str, Any]], int]:
    """Return what the table says of the wanted videos, and how many it lists.

    Of a video that answers several tasks, the row of the best rank counts.
    """
    facts: dict[str, dict[str, Any]] = {}
    ids: set[str] = set()
    with open_table(path) as table:
        for row in table.rows:
            if row.problem or not row.values.get("video_id"):
                what = row.problem or "must have a video_id, got nothing"
                raise ValueError(f"{path}, line {row.number}: {what}")
            video_id = normal_id(str(row.values["video_id"]))
            ids.add(video_id)
            if video_id in wanted and _better(row.values, facts.get(video_id)):
                facts[video_id] = row.values
    return facts, len(ids)


def _better(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> bool:
    return old is None or _rank(new) < _rank(old)


def _rank(values: Mapping[str, Any]) -> tuple[int, int]:
    rank, task = values.get("rank"), values.get("task_id")
    return (rank if isinstance(rank, int) else 1 << 30, task if isinstance(task, int) else 1 << 30)


def _captions_path(sources: SourcesConfig, folder: str) -> str:
    if sources.captions:
        return absolute(sources.captions)
    paths = [storage.join(folder, name) for name in _CAPTIONS]
    found = next((path for path in paths if storage.exists(path)), None)
    if found is None:
        raise ValueError(
            f"sources.captions must name the captions of HowTo100M: {folder} has none of "
            f"{', '.join(_CAPTIONS)}"
        )
    return found


def _captions(path: str, wanted: set[str], cache: str) -> dict[str, dict[str, Any]]:
    """Return the fields of a SourceFile that tell of captions, by video."""
    if is_folder(path):
        files, _ = files_below(path, {".csv"})
        return {
            normal_id(_stem(file)): {
                "captions": file.path,
                "caption_bytes": file.version[0],
                "caption_stamp": file.version[1],
            }
            for file in files
            if not isinstance(file.version, str)
        }
    return {
        video_id: {
            "captions": path,
            "caption_bytes": span.length,
            "caption_stamp": span.stamp,
            "caption_span": (span.offset, span.length),
        }
        for video_id, span in spans_of(path, wanted, cache).items()
    }
