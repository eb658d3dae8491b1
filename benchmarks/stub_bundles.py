"""Bundles committed without a decoder: real records and rows, and sparse files for tars."""

import hashlib
from pathlib import Path

from pipeline.listing.source import reject_row
from pipeline.tasks.bundle import BundleTask
from shards.commit import BundleRecord, record_path, rows_path
from shards.rows import rows_bytes
from shards.schema import sample_key
from shards.write import PartRecord

TAR_BYTES = 100 << 20


def commit_stub(task: BundleTask) -> int:
    """Commit one clip a source that is not quarantined; return the bytes of record and rows."""
    out, part_name = task.out, f"{task.bundle}-00.tar"
    lost = {verdict.video_id: verdict for verdict in task.quarantined}
    rows, videos, rejects = [], [], []
    for source in task.sources:
        sha256 = hashlib.sha256(source.video_id.encode()).hexdigest()
        is_lost = source.video_id in lost
        if is_lost:
            verdict = lost[source.video_id]
            row = reject_row(
                source.video_id,
                verdict.code,
                verdict.detail,
                stage=verdict.stage,
                source=source.name,
            )
            rejects.append(row | {"bundle": task.bundle})
        else:
            rows.append(
                {
                    "key": sample_key(source.video_id, 1000), "video_id": source.video_id,
                    "split": "train", "lang": "en", "shard": part_name,
                    "offset": len(rows) << 15, "length": 1 << 15, "t0_ms": 1000, "t1_ms": 4200,
                    "num_windows": 9, "caption": f"and now we add {source.video_id}",
                    "flags": [], "source_sha256": sha256,
                }
            )  # fmt: skip
        videos.append(
            {
                "video_id": source.video_id, "name": source.name, "bytes": source.bytes,
                "sha256": sha256, "duration_s": 300.0, "codec": "h264", "width": 640,
                "height": 360, "fps": 29.97, "lang": "en", "caption_format": "json3", "flags": [],
                "planned": 1 - is_lost, "written": 1 - is_lost, "rejected": 0,
                "extra": source.extra,
            }
        )  # fmt: skip
    parts = [PartRecord(part_name, "0" * 64, TAR_BYTES, len(rows), rows)] if rows else []
    data = rows_bytes(parts)
    digest = hashlib.sha256(data).hexdigest()
    record = BundleRecord(
        task.bundle,
        task.fingerprint,
        {source.video_id: int(source.video_id not in lost) for source in task.sources},
        [PartRecord(part_name, digest, TAR_BYTES, len(rows))] if rows else [],
        rejects,
        videos,
        rows_sha256=digest,
    )
    text = record.to_bytes()
    Path(rows_path(out, record)).write_bytes(data)
    for part in parts:
        with (Path(out) / part.name).open("wb") as tar:
            tar.truncate(TAR_BYTES)
    Path(record_path(out, task.bundle)).write_bytes(text)
    return len(text) + len(data)
