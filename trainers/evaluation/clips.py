"""Clips as the manifest lists them: when they are, and where their bytes lie."""

from dataclasses import dataclass

import pyarrow as pa

from shards.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of the manifest; `[start_s, end_s)` of its video."""

    key: str
    video_id: str
    split: str
    shard: str
    offset: int
    length: int
    start_s: float
    end_s: float
    caption: str
    """Text of the nearest window."""
    folder: str = ""
    """Folder that the shard lies in."""


COLUMNS = ("key", "video_id", "split", "shard", "offset", "length", "t0_ms", "t1_ms", "caption")
"""Columns of the manifest that a clip is made of."""


def list_clips(manifest: Manifest) -> list[Clip]:
    """Return all clips in the manifest's order: by shard and offset."""
    return clips_of(manifest.table(COLUMNS), manifest.out)


def clips_of(rows: pa.Table, folder: str) -> list[Clip]:
    """Return the clips of some rows of a manifest.

    Args:
        rows: With the columns of `COLUMNS`.
        folder: Where the shards lie.
    """
    return [
        Clip(
            key=row["key"],
            video_id=row["video_id"],
            split=row["split"],
            shard=row["shard"],
            offset=row["offset"],
            length=row["length"],
            start_s=row["t0_ms"] / 1000,
            end_s=row["t1_ms"] / 1000,
            caption=row["caption"],
            folder=folder,
        )
        for row in rows.to_pylist()
    ]
