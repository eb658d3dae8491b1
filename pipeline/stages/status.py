"""`weakvid status`: how far a build or a run is. Reads files only, also while it goes on."""

import json
from pathlib import Path
from typing import Any

from pipeline.console import say
from pipeline.tasks.planfile import PLAN, load_plan
from pipeline.tasks.progress import read_counts
from shards import storage
from shards.commit import committed_bundles, read_record
from shards.state import is_complete

METRICS = "metrics.jsonl"
EXIT_OK = 0


def run(folder: str) -> int:
    """Print the state of an output folder of shards or of a run folder; return the exit code.

    Raises:
        ValueError: If it is neither.
    """
    if storage.exists(storage.join(folder, PLAN)):
        say("\n".join(_build_lines(folder)))
    elif storage.exists(storage.join(folder, "config.yaml")):
        say("\n".join(_run_lines(Path(folder))))
    else:
        raise ValueError(
            f"status needs a folder of shards ({PLAN}) or of a run (config.yaml), got {folder!r}"
        )
    return EXIT_OK


def _build_lines(out: str) -> list[str]:
    plan = load_plan(out)
    bundles = plan.fingerprints()
    records = (
        read_record(out, bundle, with_samples=False)
        for bundle in committed_bundles(out)
        if bundle in bundles
    )
    committed = [
        record
        for record in records
        if record is not None and record.fingerprint == bundles[record.bundle]
    ]
    done = {record.bundle for record in committed}
    under_way = read_counts(out, set(bundles) - done)
    num_videos = plan.listed().num_rows
    num_done = sum(len(record.planned) for record in committed) + under_way.videos
    is_whole = is_complete(out)
    return [
        f"shards    {out}: {'complete' if is_whole else 'not complete'}",
        f"bundles   {len(committed)} of {len(bundles)} committed",
        f"videos    {num_done} of {num_videos} done",
        f"clips     {sum(record.num_samples for record in committed)} committed, "
        f"{under_way.clips} under way",
        f"rejects   {sum(len(record.rejects) for record in committed) + under_way.rejects}",
    ]


def _run_lines(folder: Path) -> list[str]:
    lines = _metrics(folder / METRICS)
    training = [line for line in lines if "train/loss" in line]
    checkpoints = sorted((folder / "checkpoints").glob("step-*"))
    newest = training[-1] if training else {}
    report = folder / "report.html"
    return [
        f"run         {folder}",
        f"step        {newest.get('step', 'none yet')}",
        f"loss        {newest.get('train/loss', '-')}",
        f"clips/s     {newest.get('train/clips_per_s', '-')}",
        f"checkpoint  {checkpoints[-1].name if checkpoints else 'none yet'}",
        f"report      {report if report.exists() else 'none yet'}",
    ]


def _metrics(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = []
    for text in path.read_text().splitlines():
        try:
            lines.append(json.loads(text))
        except ValueError:  # the line that is being written
            continue
    return lines
