"""What happened to a run, from its attempts log: interruptions, what they cost, who was slow.

Effective training time is the time of the steps that count, as a share of the time from the first
attempt's begin to the last sign of life. What was done again, starting up, waiting for a machine
and downtime count against it; so do validation and checkpoints. Time after someone asked the run to
stop does not: nobody wanted it to train then.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Line = dict[str, Any]

CAUSES = {
    "killed": "a worker was killed",
    "hang": "a worker hung",
    "error": "a worker failed",
    "no_workers": "too few workers",
    "preempted": "a node was given notice",
    "resized": "more workers came",
    "stopped": "asked to stop",
    "early": "workers left without a reason",
    "driver": "the driver was killed",
}
"""Why an attempt ended, by its kind in attempts.jsonl; `driver`: it could not say."""

_WANTED = ("stopped",)


@dataclass(frozen=True, slots=True)
class Interruption:
    """An attempt that ended before the run did."""

    attempt: int
    kind: str
    """A key of `CAUSES`."""

    reason: str
    unix_s: float | None
    """When it ended, or gave its last sign of life."""

    step: int
    """The newest step that it had logged."""

    from_step: int | None = None
    """Where the next attempt went on; None while there is none."""

    lost_steps: int = 0
    recover_s: float | None = None
    """From the end to the first new step; None while there is none."""

    @property
    def cause(self) -> str:
        """Why it ended, in words."""
        return CAUSES.get(self.kind, self.kind)


@dataclass(frozen=True, slots=True)
class History:
    """A run's past in figures."""

    num_attempts: int = 0
    interruptions: list[Interruption] = field(default_factory=list)
    stragglers: list[Line] = field(default_factory=list)
    skipped: list[Line] = field(default_factory=list)
    """Steps without an update, since something in them was not a number."""

    has_ended: bool = False
    """Whether the newest attempt said that it ended."""

    began_unix_s: float | None = None
    seen_unix_s: float | None = None
    """The last sign of life."""

    wall_s: float = 0.0
    """From the begin to the last sign, without the time after a wanted stop."""

    steps_s: float = 0.0
    """Of the steps that count."""

    validate_s: float = 0.0
    checkpoint_s: float = 0.0

    @property
    def lost_steps(self) -> int:
        """Steps that were done again."""
        return sum(one.lost_steps for one in self.interruptions)

    @property
    def effective(self) -> float | None:
        """Effective training time, a share; None before there is any."""
        return min(1.0, self.steps_s / self.wall_s) if self.wall_s > 0 and self.steps_s else None


def history_of(events: Sequence[Line], lines: Sequence[Line], seen_unix_s: float = 0.0) -> History:
    """Tell a run's past.

    Args:
        events: Of attempts.jsonl, oldest first.
        lines: Of metrics.jsonl, each step once.
        seen_unix_s: A later sign of life than the events, where there is one.
    """
    events = [sound for event in events if (sound := _sound(event)) is not None]
    attempts = sorted({event["attempt"] for event in events})
    if not attempts:
        return History()
    by_attempt = [_of_attempt(events, attempt) for attempt in attempts]
    steps = [line.get("step") for line in lines if "train/lr" in line]
    newest_step = max((step for step in steps if isinstance(step, int)), default=0)
    found = [
        _interruption(own, by_attempt[place + 1 :], newest_step, seen_unix_s)
        for place, own in enumerate(by_attempt)
        if not _is_last_and_whole(own, by_attempt[place + 1 :])
    ]
    began = float(events[0]["unix_s"])
    seen = max([seen_unix_s, *(float(event["unix_s"]) for event in events)])
    return History(
        num_attempts=len(attempts),
        interruptions=found,
        stragglers=[event for event in events if event.get("event") == "straggler"],
        skipped=[event for event in events if event.get("event") == "skipped"],
        has_ended="end" in by_attempt[-1],
        began_unix_s=began,
        seen_unix_s=seen,
        wall_s=seen - began - _unwanted_s(by_attempt),
        steps_s=_sum(lines, "train/step_s"),
        validate_s=_sum(lines, "time/validate_s"),
        checkpoint_s=_sum(lines, "time/checkpoint_s"),
    )


def _sound(event: Line) -> Line | None:
    """Return an event without values of a foreign type; None if it tells nothing without them."""
    kept = {
        key: value
        for key, value in event.items()
        if not (key == "step" or key.endswith("_step") or key.endswith("unix_s"))
        or (isinstance(value, int | float) and math.isfinite(value))
    }
    lost = kept.get("lost_steps")
    kept["lost_steps"] = (
        [step for step in lost if isinstance(step, int)] if isinstance(lost, list) else []
    )
    whole = isinstance(kept.get("attempt"), int) and "unix_s" in kept
    return kept if whole and isinstance(kept.get("event"), str) else None


def _of_attempt(events: Sequence[Line], attempt: int) -> dict[str, Line]:
    """Return the first event of each name."""
    found: dict[str, Line] = {}
    for event in events:
        if event.get("attempt") == attempt:
            found.setdefault(str(event.get("event")), event)
    return found


def _is_last_and_whole(own: dict[str, Line], later: list[dict[str, Line]]) -> bool:
    """Return whether an attempt is under way, or was the one that finished the run."""
    end = own.get("end")
    if later:
        return False
    return end is None or _kind(end) == "finished"


def _kind(end: Line | None) -> str:
    if end is None:
        return "driver"
    if isinstance(kind := end.get("kind"), str):
        return kind
    # Logs of runs that were begun before ends had a kind.
    return "error" if end.get("error") else "stopped"


def _interruption(
    own: dict[str, Line], later: list[dict[str, Line]], newest_step: int, seen_unix_s: float
) -> Interruption:
    end = own.get("end")
    resume = later[0].get("resume", {}) if later else {}
    lost = resume.get("lost_steps", [])
    begun = own.get("stepping", {}).get("step", own.get("resume", {}).get("from_step", 0))
    step = max([begun, *lost]) if later else newest_step
    if end is not None and "step" in end:
        step = max(step, int(end["step"]))
    ended = _ended_unix_s(own, later)
    stepping = next((o["stepping"]["unix_s"] for o in later if "stepping" in o), None)
    return Interruption(
        attempt=next(iter(own.values()))["attempt"],
        kind=_kind(end),
        reason=str((end or {}).get("error") or ""),
        unix_s=ended or seen_unix_s or None,
        step=step,
        from_step=resume.get("from_step"),
        lost_steps=len(lost),
        recover_s=None if stepping is None or ended is None else max(0.0, stepping - ended),
    )


def _ended_unix_s(own: dict[str, Line], later: list[dict[str, Line]]) -> float | None:
    """Return when an attempt ended; of a killed one when it last wrote, as its successor saw."""
    if "end" in own:
        return float(own["end"]["unix_s"])
    signs = [float(event["unix_s"]) for event in own.values()]
    if later and (seen := later[0].get("resume", {}).get("seen_unix_s")):
        signs.append(float(seen))
    return max(signs, default=None)


def _unwanted_s(by_attempt: list[dict[str, Line]]) -> float:
    """Return the seconds between a wanted stop and the begin of the next attempt."""
    total_s = 0.0
    for place, own in enumerate(by_attempt[:-1]):
        end, begin = own.get("end"), by_attempt[place + 1].get("begin")
        if end is not None and begin is not None and _kind(end) in _WANTED:
            total_s += max(0.0, begin["unix_s"] - end["unix_s"])
    return total_s


def _sum(lines: Sequence[Line], key: str) -> float:
    return float(sum(line[key] for line in lines if isinstance(line.get(key), int | float)))
