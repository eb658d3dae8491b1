"""The clips of one shard -> a committed part of features. The same bytes wherever it is made.

Shape letters in this file:
    N  clips of the shard that can be read
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from configs.embedding import Feature
from shards import storage
from shards.features.folder import write_part
from shards.features.table import ABOUT, features_table
from shards.manifest import Manifest
from trainers.evaluation.clips import COLUMNS, Clip, clips_of
from trainers.evaluation.embed import Embedder, Features
from trainers.evaluation.reading import Seen


def part_of(shard: str) -> str:
    """Return the name of a shard's part."""
    return shard.removesuffix(".tar")


def embed_part(
    embedder: Embedder,
    manifest: Manifest,
    number: int,
    first: int,
    out: str,
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Embed the clips of one shard, commit them, and return the record.

    A clip that cannot be read has no row; the record says which, and why.

    Args:
        embedder: Of the run.
        manifest: Of the shards.
        number: Of the shard in the manifest.
        first: Its first row.
        out: Folder of the features.
        provenance: The plan's.

    Raises:
        ValueError: If the shard's bytes are not those of the manifest, or no clip can be read.
    """
    shard = manifest.shards[number]
    _refuse_another_tar(manifest, shard)
    rows = manifest.rows(first, shard["num_samples"], COLUMNS)
    clips = clips_of(rows, manifest.out)
    seen: dict[str, Seen] = {}
    lost: dict[str, str] = {}

    def told(clip: Clip, what: Seen | ValueError) -> None:
        if isinstance(what, ValueError):
            lost[clip.key] = _without_place(str(what), manifest.out)
        else:
            # What is large is not kept.
            seen[clip.key] = Seen(np.empty(0), None, what.windows, what.heard)

    features, _ = embedder.clips(clips, told)
    whole = [row for row, clip in enumerate(clips) if clip.key in seen]
    table = _table(
        embedder, rows.select(ABOUT.names).take(whole), features, [*seen.values()], provenance
    )
    about = {
        "shard": shard["name"],
        "shard_sha256": shard["sha256"],
        "lost": [{"key": key, "why": why} for key, why in lost.items()],
    }
    return write_part(out, part_of(shard["name"]), provenance, table, about)


def _table(
    embedder: Embedder,
    about: pa.Table,
    features: Features,
    seen: Sequence[Seen],
    provenance: Mapping[str, Any],
) -> pa.Table:
    heard_N = np.array([one.heard for one in seen])
    said_N = np.array([len(one.windows) > 0 for one in seen])
    captions = about["caption"].to_pylist()
    wanted: Sequence[Feature] = provenance["wanted"]
    columns: dict[str, np.ndarray] = {}
    for feature in wanted:
        match feature:
            case "embedding":
                columns["embedding"] = features.embedding
                columns["caption_embedding"] = embedder.texts(captions)
            case "video":
                columns["video"] = features.video
            case "audio":
                columns["audio"] = features.audio
            case "text":
                columns["text"] = features.text
            case "joint":
                columns |= {f"joint_{name}": x_NH for name, x_NH in features.joint.items()}
    is_there = dict.fromkeys(("audio", "joint_audio"), heard_N)
    is_there |= dict.fromkeys(("text", "joint_text", "caption_embedding"), said_N)
    return features_table(about, columns, is_there)


def _refuse_another_tar(manifest: Manifest, shard: Mapping[str, Any]) -> None:
    path = storage.join(manifest.out, shard["name"])
    if storage.sha256_of(path) != shard["sha256"]:
        raise ValueError(
            f"{storage.shown(path)} must have the sha256 of its manifest, got another; "
            f"`weakvid verify {manifest.out}` checks all"
        )


def _without_place(why: str, folder: str) -> str:
    """Leave out where the shards lie: copies of them give the same record."""
    return why.replace(folder, "SHARDS")
