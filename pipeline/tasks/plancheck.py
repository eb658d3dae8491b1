"""The plan of an output folder against what its manifest says was built."""

import pyarrow as pa

from pipeline.tasks.plan import Plan, bundle_name
from pipeline.tasks.planfile import PLAN, load_plan
from shards import storage
from shards.manifest import MANIFEST, VIDEOS, Manifest
from shards.verify import MALFORMED

NUM_NAMED = 5


def plan_problems(out: str) -> list[str]:
    """Return where plan and manifest of a folder do not agree, nothing where they do.

    The same bundles with the same fingerprints, and in each the same videos. Without a manifest
    there is nothing to agree with.
    """
    path = storage.join(out, PLAN)
    if not storage.exists(storage.join(out, MANIFEST)):
        return []
    if not storage.exists(path):
        return [f"{path} is missing"]
    try:
        plan, manifest = load_plan(out), Manifest.load(out)
        counts = storage.read_json(path)
        planned = plan.fingerprints()
        misplaced = _misplaced(plan)
        built = {row["bundle"]: row["fingerprint"] for row in manifest.bundles}
        videos = manifest.videos().select(["bundle", "video_id"])
    except MALFORMED as error:
        return [f"{path}: {error}"]
    listed = plan.listed()
    wanted = {
        "bundles": len(planned),
        "videos": listed.num_rows,
        "bytes": sum(max(size, 0) for size in listed["bytes"].to_pylist()),
        "code": storage.read_json(storage.join(out, MANIFEST))["code"],
    }
    problems = [
        f"{path} must say {name} {want}, got {counts.get(name)!r}"
        for name, want in wanted.items()
        if counts.get(name) != want
    ]
    if misplaced:
        problems.append(
            f"{path} must deal each video to its bundle by its hash, got {len(misplaced)} that "
            f"are elsewhere: {', '.join(map(repr, misplaced[:NUM_NAMED]))}"
        )
    problems += [
        f"{path} must agree with {MANIFEST} on bundle {bundle}, got {planned.get(bundle)} and "
        f"{built.get(bundle)}"
        for bundle in sorted(planned.keys() | built.keys())
        if planned.get(bundle) != built.get(bundle)
    ]
    names = pa.array([bundle_name(number) for number in listed["bundle"].to_pylist()], pa.string())
    pairs = pa.table({"bundle": names, "video_id": listed["video_id"]})
    return problems + _stray(path, pairs, videos)


def _misplaced(plan: Plan) -> list[str]:
    """Return the videos that no generation would deal to the bundle where they stand."""
    spans = [
        (range(one.first_bundle, one.first_bundle + one.num_buckets), one)
        for one in plan.generations
    ]
    rows = zip(
        plan.sources["video_id"].to_pylist(), plan.sources["bundle"].to_pylist(), strict=True
    )
    return [
        video_id
        for video_id, bundle in rows
        if not any(bundle in span and one.bundle_of(video_id) == bundle for span, one in spans)
    ]


def _stray(path: str, planned: pa.Table, built: pa.Table) -> list[str]:
    """Return what is said of videos that stand in one of two tables only."""
    problems = []
    for rows, others, where in ((planned, built, VIDEOS), (built, planned, PLAN)):
        missing = rows.join(others, ["bundle", "video_id"], join_type="left anti")
        if missing.num_rows:
            ids = missing.sort_by("video_id")["video_id"].slice(0, NUM_NAMED).to_pylist()
            problems.append(
                f"{path} and {VIDEOS} must hold the same videos, got {missing.num_rows} that are "
                f"not in {where}: {', '.join(map(repr, ids))}"
            )
    return problems
