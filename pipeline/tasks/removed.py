"""Videos that were taken down: removed.json in OUT. Later builds do not bring them back.

The file is what a build goes by; their row in rejects.jsonl says it to readers.
"""

import json
from collections.abc import Iterable
from typing import Any

from pipeline.listing.source import Listing, reject_row
from shards import storage

REMOVED = "removed.json"
VERSION = 1
CODE = "E_REMOVED"


def load_removed(out: str) -> list[str]:
    """Return the sorted ids of the videos that were taken down.

    Raises:
        ValueError: If removed.json is not one of ours. Nothing is built then: a video that was
            taken down would come back.
    """
    path = storage.join(out, REMOVED)
    if not storage.exists(path):
        return []
    value = storage.read_json(path)
    ids = value.get("videos") if isinstance(value, dict) else None
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise ValueError(f'{path} must be {{"version": 1, "videos": [ids]}}, got {str(value)[:80]}')
    return sorted(ids)


def remember_removed(out: str, video_ids: Iterable[str]) -> None:
    """Add ids to those that were taken down."""
    ids = sorted({*load_removed(out), *video_ids})
    text = json.dumps({"version": VERSION, "videos": ids}, indent=1, ensure_ascii=False)
    storage.write_atomic(storage.join(out, REMOVED), text.encode() + b"\n")


def removed_rows(video_ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return their rejects; the books of a build count them as no source."""
    return [
        reject_row(video_id, CODE, "taken down with --remove", stage="remove", source=video_id)
        for video_id in video_ids
    ]


def without_removed(listing: Listing, video_ids: Iterable[str]) -> Listing:
    """Return a listing without the videos that were taken down, and with their rejects."""
    ids = set(video_ids)
    if not ids:
        return listing
    return Listing(
        [source for source in listing.sources if source.video_id not in ids],
        [
            *(row for row in listing.rejects if row["video_id"] not in ids),
            *removed_rows(sorted(ids)),
        ],
        listing.notices,
    )
