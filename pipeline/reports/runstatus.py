"""How far a run is, in lines of text. From its files alone, also while it goes on."""

import time
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pipeline.reports.inputs import RunFiles, load_run_files
from pipeline.reports.interruptions import NOT_YET, Row, interruptions_section
from pipeline.reports.text import as_float, clean, num_bytes, number, percent
from pipeline.reports.workers import worker_rows
from shards.lease import read_owner
from shards.paths import AnyPath, StorePath
from trainers.loop import folder
from trainers.loop.attempts import LOCK
from trainers.loop.heartbeat import read_heartbeats
from trainers.loop.history import History
from trainers.loop.manifests import committed_unix_s, list_checkpoints
from trainers.loop.objects import MANIFEST
from trainers.loop.stepline import describe_step, describe_time

QUIET_S = 120.0
"""A run that left no sign of life for so long, and whose driver is not here, may be gone."""

KERNEL_LOCKS = Path("/proc/locks")
SPEED_STEPS = 50

State = Literal["finished", "training", "away", "stopped", "not begun"]
"""`away`: its driver is on another machine, or has just ended."""

MAX_WORKERS = 8


def run_lines(run_dir: AnyPath, now_unix_s: float | None = None) -> list[str]:
    """Return what there is to say about a run.

    Args:
        run_dir: Folder of the run; any file of it may be missing.
        now_unix_s: The time to count from; now by default.
    """
    now_s = time.time() if now_unix_s is None else now_unix_s
    run = load_run_files(run_dir)
    section = interruptions_section(run)
    steps = run.setting("training.steps")
    total = steps if isinstance(steps, int) else None
    newest = run.training[-1] if run.training else {}
    step = int(as_float(newest.get("step")) or 0)
    report = run_dir / "report.html"
    lines = [
        f"run         {run_dir}: {_state(run_dir, run, section.history, step, total, now_s)}",
        f"step        {_step_text(run, step, total)}",
    ]
    if "train/lr" in newest:
        lines.append(f"figures     {describe_step(newest_figures(run.training))}")
    if run.validation:
        lines.append(f"held out    {_validation_text(run.validation[-1])}")
    lines += [
        f"checkpoint  {_checkpoint_text(run_dir, now_s)}",
        f"attempts    {_attempts_text(section.history)}",
    ]
    lines += [f"            {_interruption_text(row)}" for row in section.rows[-3:]]
    heard = {} if is_done(step, total) else heartbeats_of(run_dir, run)
    lines += [f"workers     {line}" for line in _worker_lines(run, heard, now_s)]
    lines += [f"slow        {line}" for line in section.stragglers[-3:]]
    if section.skipped:
        lines.append(f"skipped     {len(section.skipped)}, the last: {section.skipped[-1]}")
    lines += [f"report      {report if report.exists() else 'none yet'}"]
    return [clean(line) for line in lines]


def _state(
    run_dir: AnyPath, run: RunFiles, history: History, step: int, total: int | None, now_s: float
) -> str:
    state, since_s = state_of(run_dir, run, history, is_done(step, total), now_s)
    ago = "" if since_s is None else f", last sign of life {describe_time(since_s)} ago"
    match state:
        case "training":
            return f"training{ago}"
        case "away":
            return f"its driver is not on this machine, or has just ended{ago}"
        case "stopped":
            return f"not training{ago}; the same command goes on"
        case _:
            return state


def is_done(step: int, total: int | None) -> bool:
    """Return whether all steps are done."""
    return total is not None and step >= total


def state_of(
    run_dir: AnyPath, run: RunFiles, history: History, done: bool, now_s: float
) -> tuple[State, float | None]:
    """Return what a run is at, and the seconds since its last sign of life, where there is one."""
    since_s = _last_sign_s(run_dir, run, now_s)
    if done:
        return "finished", since_s
    if driver_is_here(run_dir / LOCK):
        return "training", since_s
    if since_s is not None and since_s < QUIET_S and not history.has_ended:
        return "away", since_s
    return ("stopped" if history.num_attempts else "not begun"), since_s


def driver_is_here(lock: AnyPath) -> bool:
    """Return whether a process of this machine holds a driver's lock.

    The lock is not tried: a driver that starts in that moment would be refused.
    """
    if isinstance(lock, StorePath):
        try:
            return read_owner(str(lock))[1] is True
        except OSError:
            return False
    try:
        inode = lock.stat().st_ino
        held = KERNEL_LOCKS.read_text().splitlines()
    except OSError:
        return False
    return any(
        fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode)
        for fields in map(str.split, held)
        if len(fields) > 5
    )


def _last_sign_s(run_dir: AnyPath, run: RunFiles, now_s: float) -> float | None:
    signs = [as_float(event.get("unix_s")) for event in run.attempts]
    if isinstance(run_dir, StorePath):
        signs += [as_float(beat.get("unix_s")) for beat in heartbeats_of(run_dir, run).values()]
    else:
        for name in (folder.METRICS, folder.HEARTBEATS):
            paths = [run_dir / name, *(run_dir / name).glob("*")]
            signs += [path.stat().st_mtime for path in paths if path.is_file()]
    known = [sign for sign in signs if sign is not None]
    return max(0.0, now_s - max(known)) if known else None


def _step_text(run: RunFiles, step: int, total: int | None) -> str:
    if not step:
        return "none yet"
    if total is None:
        return number(step)
    step_s = seconds_a_step(run)
    text = f"{number(step)} of {number(total)} ({100 * step / total:.0f} %)"
    if step < total and step_s is not None:
        text += f", about {describe_time((total - step) * step_s)} of steps to go"
    return text


def seconds_a_step(run: RunFiles) -> float | None:
    """Return how long a step takes, by the newest of them; None before the first."""
    recent = run.training[-SPEED_STEPS:]
    seconds = [s for row in recent if (s := as_float(row.get("train/step_s"))) is not None]
    return fmean(seconds) if seconds else None


def newest_figures(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the newest figures: memory is not in every line."""
    merged: dict[str, Any] = {}
    for row in rows[-SPEED_STEPS:]:
        merged |= row
    return {key: found for key, value in merged.items() if (found := as_float(value)) is not None}


def _validation_text(row: dict[str, Any]) -> str:
    figures = [
        f"{key.removeprefix('val/')} {number(value)}"
        for key, value in row.items()
        if key.startswith("val/")
    ]
    return f"step {number(row.get('step'))}: {', '.join(figures)}"


def _checkpoint_text(run_dir: AnyPath, now_s: float) -> str:
    found = list_checkpoints(run_dir / folder.CHECKPOINTS)
    if not found:
        return "none yet"
    age_s = checkpoint_age_s(found[-1], now_s)
    age = "" if age_s is None else f", {describe_time(age_s)} old"
    return f"{found[-1].name}{age}, {len(found)} kept"


def checkpoint_age_s(checkpoint: AnyPath, now_s: float) -> float | None:
    """Return how long ago a checkpoint was committed, None where its manifest does not tell."""
    if isinstance(checkpoint, StorePath):
        committed_s = committed_unix_s(checkpoint)
        return None if committed_s is None else now_s - committed_s
    manifest = checkpoint / MANIFEST
    return now_s - manifest.stat().st_mtime if manifest.exists() else None


def _attempts_text(history: History) -> str:
    if not history.num_attempts:
        return "none yet"
    interruptions = len(history.interruptions)
    text = f"{history.num_attempts}, {interruptions} interruption{'s' * (interruptions != 1)}"
    if history.lost_steps:
        text += f", {number(history.lost_steps)} steps done again"
    if history.effective is not None:
        text += f", effective training time {percent(history.effective)}"
    return text


def _interruption_text(row: Row) -> str:
    text = f"{row.what} at step {number(row.step)}, {number(row.lost_steps)} steps lost"
    if row.went_on == NOT_YET:
        return f"{text}, not taken up again"
    recovered = "no new step yet" if row.recovered == NOT_YET else f"recovered in {row.recovered}"
    return f"{text}, went on from {row.went_on}, {recovered}"


def heartbeats_of(run_dir: AnyPath, run: RunFiles) -> dict[str, dict[str, Any]]:
    """Return where the workers of the newest attempt are, by their numbers."""
    newest = max((int(as_float(event.get("attempt")) or 0) for event in run.attempts), default=0)
    return {str(beat.get("worker")): beat for beat in read_heartbeats(run_dir, newest)}


def _worker_lines(run: RunFiles, beats: dict[str, dict[str, Any]], now_s: float) -> list[str]:
    times = {str(row["worker"]): row for row in worker_rows(run)}
    # Slowest first, as the table has them; then those of which only a heartbeat is known.
    names = [*times, *(name for name in beats if name not in times)]
    lines = [
        f"{name} on {_machine(times.get(name), beats.get(name))}"
        f"{_time_text(times.get(name))}{_beat_text(beats.get(name), now_s)}"
        for name in names[:MAX_WORKERS]
    ]
    more = len(names) - MAX_WORKERS
    return lines + ([f"and {more} quicker ones"] if more > 0 else [])


def _machine(times: dict[str, Any] | None, beat: dict[str, Any] | None) -> str:
    return str((times or {}).get("node") or (beat or {}).get("host") or "?")


def _time_text(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    return (
        f": step {number(row['step_p50_s'])} s, 95 % below {number(row['step_p95_s'])} s, own work "
        f"{number(row['own_p50_s'])} s, {num_bytes(row['rss_bytes'])}"
    )


def _beat_text(beat: dict[str, Any] | None, now_s: float) -> str:
    unix_s = as_float((beat or {}).get("unix_s"))
    if beat is None or unix_s is None:
        return ""
    ago = describe_time(now_s - unix_s)
    return f"; in phase {beat.get('phase')} after step {beat.get('step')}, for {ago}"
