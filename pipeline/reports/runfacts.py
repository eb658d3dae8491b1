"""How far a run is, for programs: the same as its status in lines of text, as plain values."""

import time
from dataclasses import asdict
from typing import Any

from pipeline.reports.inputs import RunFiles, load_run_files
from pipeline.reports.interruptions import interruptions_section
from pipeline.reports.runstatus import (
    checkpoint_age_s,
    heartbeats_of,
    is_done,
    newest_figures,
    seconds_a_step,
    state_of,
)
from pipeline.reports.text import as_float
from pipeline.reports.workers import worker_rows
from shards.paths import AnyPath
from trainers.loop import folder
from trainers.loop.history import History
from trainers.loop.manifests import list_checkpoints, step_of


def run_facts(run_dir: AnyPath, now_unix_s: float | None = None) -> dict[str, Any]:
    """Return what there is to say about a run; what is not known is None or empty.

    Args:
        run_dir: Folder of the run; any file of it may be missing.
        now_unix_s: The time to count from; now by default.
    """
    now_s = time.time() if now_unix_s is None else now_unix_s
    run = load_run_files(run_dir)
    history = interruptions_section(run).history
    steps = run.setting("training.steps")
    total = steps if isinstance(steps, int) else None
    step = int(as_float(run.training[-1].get("step")) or 0) if run.training else 0
    state, quiet_s = state_of(run_dir, run, history, is_done(step, total), now_s)
    step_s = seconds_a_step(run)
    left = None if total is None else max(0, total - step)
    return {
        "what": "run",
        "folder": str(run_dir),
        "state": state,
        "quiet_s": quiet_s,
        "step": step,
        "steps": total,
        "step_s": step_s,
        "eta_s": None if left is None or step_s is None else left * step_s,
        "figures": newest_figures(run.training),
        "held_out": newest_figures(run.validation),
        "checkpoint": _checkpoint(run_dir, now_s),
        **_past(history),
        "workers": _workers(run_dir, run, now_s),
        "problems": run.problems,
    }


def _checkpoint(run_dir: AnyPath, now_s: float) -> dict[str, Any] | None:
    found = list_checkpoints(run_dir / folder.CHECKPOINTS)
    if not found:
        return None
    age_s = checkpoint_age_s(found[-1], now_s)
    return {"step": step_of(found[-1]), "age_s": age_s, "kept": len(found)}


def _past(history: History) -> dict[str, Any]:
    return {
        "attempts": history.num_attempts,
        "interruptions": [asdict(one) for one in history.interruptions],
        "lost_steps": history.lost_steps,
        "effective": history.effective,
        "skipped": history.skipped,
        "stragglers": history.stragglers,
    }


def _workers(run_dir: AnyPath, run: RunFiles, now_s: float) -> list[dict[str, Any]]:
    beats = heartbeats_of(run_dir, run)
    rows = {str(row["worker"]): row for row in worker_rows(run)}
    found = []
    for name in sorted(rows.keys() | beats.keys()):
        beat, unix_s = beats.get(name, {}), as_float(beats.get(name, {}).get("unix_s"))
        found.append(
            rows.get(name, {"worker": name, "node": beat.get("host")})
            | {key: beat.get(key) for key in ("step", "phase")}
            | {"phase_s": None if unix_s is None else now_s - unix_s}
        )
    return found
