"""The settings that decided the bytes of a set of shards, kept beside them in settings.json.

Samples carry a hash of them only. This is what `weakvid explain` and the report read; nothing is
decided by it, and it holds no path and no address.
"""

import json
from typing import Any

from configs.runs import ShardsJob
from shards import storage

SETTINGS = "settings.json"


def save_settings(out: str, job: ShardsJob) -> None:
    """Write settings.json unless it says the same already."""
    value = {
        "clips": job.clips.model_dump(mode="json"),
        "limits": job.sources.limits.model_dump(mode="json"),
        "shards": job.shards.model_dump(
            mode="json", include={"max_shard_bytes", "max_shard_samples", "val_share", "test_share"}
        ),
    }
    data = json.dumps(value, sort_keys=True, indent=1).encode() + b"\n"
    path = storage.join(out, SETTINGS)
    if not storage.exists(path) or storage.read_bytes(path) != data:
        storage.write_atomic(path, data)


def load_settings(out: str) -> dict[str, Any]:
    """Return what settings.json says, nothing where it is not there."""
    path = storage.join(out, SETTINGS)
    value = storage.read_json(path) if storage.exists(path) else {}
    return value if isinstance(value, dict) else {}
