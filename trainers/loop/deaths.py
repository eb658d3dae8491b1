"""Why an attempt ended: which worker was to blame, where it was, and what it had in hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from shards.paths import AnyPath
from trainers.loop.attempts import read_attempts
from trainers.loop.heartbeat import read_heartbeats
from trainers.loop.inhand import read_rows

Kind = Literal["killed", "hang", "error", "no_workers"]

FATAL = ("DamagedSample", "MixedVersions", "NonFiniteLoss", "StaleAttempt", "ValueError")
"""Errors that would come again: another attempt is no help."""

_CONSEQUENCES = ("closed by peer", "reset by peer", "connection refused", "broken pipe")
"""What workers say of whom another one has left alone."""

_TIME_OUTS = ("timed out", "timeout")


class WorkerDied(RuntimeError):  # noqa: N818 - it names a fact
    """The process of a worker ended without a word."""


class WorkerFrozen(WorkerDied):
    """The process of a worker did not answer any more, as on a machine that has stopped."""


class GroupFailed(RuntimeError):  # noqa: N818 - it names a state
    """A group of workers did not come to an end of its own."""

    def __init__(self, failures: Mapping[int, BaseException], reason: str = "") -> None:
        """Note what is known.

        Args:
            failures: The error of each worker that had one; none where there was no group.
            reason: Why there was none.
        """
        lines = [f"worker {worker}: {_last_line(error)}" for worker, error in failures.items()]
        super().__init__("; ".join(lines) or reason)
        self.failures = dict(failures)


@dataclass(frozen=True, slots=True)
class Death:
    """How an attempt failed."""

    kind: Kind
    reason: str
    worker: int | None = None
    """The one to blame, where there is one."""

    step: int | None = None
    """Steps that it had finished."""

    phase: str | None = None
    rows: frozenset[int] = frozenset()
    """Samples, as global rows, that it was reading or training on."""

    fatal: bool = False
    """Whether it would come again for certain."""


def examine(run_dir: AnyPath, attempt: int, error: GroupFailed) -> Death:
    """Find out what an attempt died of, from what Ray says and what its workers left behind."""
    failures = error.failures
    if not failures:
        return Death("no_workers", str(error))
    hung = [event for event in read_attempts(run_dir) if _is_hang(event, attempt)]
    died = sorted(worker for worker, why in failures.items() if isinstance(why, WorkerDied))
    if hung:
        event = hung[0]
        reason = (
            f"worker {event['worker']} was stuck for {event['silent_s']} s in phase "
            f"{event['phase']} after step {event['step']}, see {event['stacks']}"
        )
        return _where(run_dir, attempt, "hang", event["worker"], reason)
    if died:
        names = ", ".join(str(worker) for worker in died)
        frozen = isinstance(failures[died[0]], WorkerFrozen)
        how = "froze" if frozen else "died"
        reason = f"worker {names} {how}: {_last_line(failures[died[0]])}"
        return _where(run_dir, attempt, "hang" if frozen else "killed", died[0], reason)
    for worker, why in sorted(failures.items()):
        if not _is_consequence(why):
            return _raised(run_dir, attempt, worker, why)
    return _lost(run_dir, attempt, failures)


def _raised(run_dir: AnyPath, attempt: int, worker: int, why: BaseException) -> Death:
    death = _where(run_dir, attempt, "error", worker, f"worker {worker}: {_last_line(why)}")
    return replace(death, fatal=type(why).__name__ in FATAL)


def _lost(run_dir: AnyPath, attempt: int, failures: Mapping[int, BaseException]) -> Death:
    """Blame who is not heard of, where all that is known is that others missed somebody."""
    worker, why = min(failures.items())
    silent = [b["worker"] for b in read_heartbeats(run_dir, attempt) if b["worker"] not in failures]
    if not silent and len(failures) == 1:
        # It was alone, so it missed a disk or a store.
        return _raised(run_dir, attempt, worker, why)
    kind: Kind = "hang" if _says(why, _TIME_OUTS) else "killed"
    missed = f"worker {', '.join(map(str, silent))}" if silent else "another"
    reason = f"worker {worker} missed {missed}: {_last_line(why)}"
    return _where(run_dir, attempt, kind, silent[0] if silent else worker, reason)


def common_rows(deaths: Sequence[Death]) -> list[int]:
    """Return the samples that were in hand at every one of the deaths, ascending."""
    return sorted(frozenset.intersection(*(death.rows for death in deaths))) if deaths else []


def _where(run_dir: AnyPath, attempt: int, kind: Kind, worker: int, reason: str) -> Death:
    beats = {beat["worker"]: beat for beat in read_heartbeats(run_dir, attempt)}
    beat = beats.get(worker, {})
    rows = frozenset(read_rows(run_dir, attempt, worker))
    return Death(kind, reason, worker, beat.get("step"), beat.get("phase"), rows)


def _is_hang(event: dict[str, Any], attempt: int) -> bool:
    return event["event"] == "hang" and event["attempt"] == attempt


def _is_consequence(error: BaseException) -> bool:
    return _says(error, _CONSEQUENCES + _TIME_OUTS) and type(error).__name__ not in FATAL


def _says(error: BaseException, words: Sequence[str]) -> bool:
    return any(word in str(error).lower() for word in words)


def _last_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].strip()[:500]
