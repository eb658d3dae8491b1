"""The wall-clock time of a whole build on a number of Ray workers, and what Ray spilled.

    python -m benchmarks.workers CPUS SOURCES OUT

builds SOURCES/few to warm Ray's workers up, then SOURCES/many, and prints JSON: `wall_s` (from the
listing to the manifest), `clips`, `spilled_bytes` and `store_bytes` (what lies in Ray's object
store at the end).
"""

import json
import logging
import sys
import time
from pathlib import Path

import ray
from ray._private.internal_api import get_memory_info_reply, get_state_from_address

from benchmarks.ways import CLIPS
from configs.runs import RayConfig, ShardsJob
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.stages.shards import run
from pipeline.tasks.session import ray_session
from shards.manifest import Manifest


def build(settings: RayConfig, sources: str, out: str) -> float:
    """Build shards in an open session; return the seconds that it took."""
    shards = ShardsConfig(out=out, sources_per_bundle=1)
    intake = SourcesConfig(path=sources)
    job = ShardsJob(sources=intake, clips=CLIPS, shards=shards, ray=settings)
    started_s = time.monotonic()
    if code := run(job):
        raise SystemExit(f"the build ended with exit code {code}")
    return time.monotonic() - started_s


def main() -> None:
    """Build twice: the first build starts Ray's workers, the second is measured."""
    logging.disable(logging.WARNING)
    num_cpus, sources, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    settings = RayConfig(cpus=num_cpus)
    with ray_session(settings):
        build(settings, f"{sources}/few", f"{out}/warm-up")
        wall_s = build(settings, f"{sources}/many", f"{out}/shards")
        state = get_state_from_address(ray.get_runtime_context().gcs_address)
        store = get_memory_info_reply(state).store_stats
        session = Path(ray._private.worker._global_node.get_session_dir_path())
        on_disk = sum(
            path.stat().st_size
            for folder in session.glob("**/ray_spilled_objects*")
            for path in folder.rglob("*")
            if path.is_file()
        )
    found = {
        "wall_s": wall_s,
        "clips": Manifest.load(f"{out}/shards").num_samples,
        "spilled_bytes": max(store.spilled_bytes_total, on_disk),
        "store_bytes": store.object_store_bytes_used,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
