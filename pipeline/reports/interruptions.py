"""The interruptions of a training run: what, when, what each cost, and if the curve shows it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipeline.reports.inputs import RunFiles
from pipeline.reports.text import as_float, clean, duration
from trainers.loop.history import History, Interruption, history_of

Span = tuple[float, float]
MAX_ROWS = 8
NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, as text."""

    when: str
    """Since the run began."""

    utc: str
    what: str
    reason: str
    step: int
    lost_steps: int
    went_on: str
    recovered: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """Steps that were done again, held against what they had given before they were lost."""

    num_steps: int
    num_equal: int
    """With the same loss to the last bit."""

    greatest: float
    """The greatest difference of losses, relative."""


@dataclass(frozen=True, slots=True)
class InterruptionsSection:
    """What interrupted the training."""

    history: History = field(default_factory=History)
    rows: list[Row] = field(default_factory=list)
    shares: list[tuple[str, float]] = field(default_factory=list)
    """Where the wall time went: a name and a share of it, adding up to 1."""

    spans: list[Span] = field(default_factory=list)
    """From the last step that counted to the last one lost, in steps."""

    agreement: Agreement | None = None
    stragglers: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def interruptions_section(run: RunFiles) -> InterruptionsSection:
    """Tell what attempts.jsonl and lost.jsonl know."""
    lines = [*run.training, *run.validation]
    signs = [as_float(row.get("unix_s")) for row in run.workers]
    seen_unix_s = max((sign for sign in signs if sign is not None), default=0.0)
    history = history_of(run.attempts, lines, seen_unix_s)
    return InterruptionsSection(
        history=history,
        rows=[_row(one, history) for one in history.interruptions],
        shares=_shares(history),
        spans=[
            (one.from_step, one.step)
            for one in history.interruptions
            if one.from_step is not None and one.step > one.from_step
        ],
        agreement=_agreement(run),
        stragglers=[_straggler(event) for event in history.stragglers],
        skipped=[_skipped(event) for event in history.skipped],
    )


def _row(one: Interruption, history: History) -> Row:
    ended, began = one.unix_s, history.began_unix_s
    return Row(
        when=duration(None if ended is None or began is None else ended - began),
        utc=_utc(ended) if ended else "",
        what=clean(one.cause),
        reason=clean(one.reason),
        step=one.step,
        lost_steps=one.lost_steps,
        went_on=NOT_YET if one.from_step is None else f"step {one.from_step}",
        recovered=duration(one.recover_s) if one.recover_s is not None else NOT_YET,
    )


def _shares(history: History) -> list[tuple[str, float]]:
    if history.effective is None:
        return []
    parts = {
        "steps that count": history.steps_s,
        "validation": history.validate_s,
        "checkpoints": history.checkpoint_s,
    }
    shares = [(name, seconds / history.wall_s) for name, seconds in parts.items()]
    rest = max(0.0, 1.0 - sum(share for _, share in shares))
    return [*shares, ("starting up, lost steps, downtime", rest)]


def _agreement(run: RunFiles) -> Agreement | None:
    kept = {as_float(row.get("step")): as_float(row.get("train/loss")) for row in run.training}
    differences = [
        abs(now - before) / max(abs(before), 1e-12)
        for row in run.lost
        if (before := as_float(row.get("train/loss"))) is not None
        and (step := as_float(row.get("step"))) is not None
        and (now := kept.get(step)) is not None
    ]
    if not differences:
        return None
    return Agreement(len(differences), differences.count(0.0), max(differences))


def _straggler(event: dict) -> str:
    worker, node, phase = (clean(str(event.get(key, "?"))) for key in ("worker", "node", "phase"))
    ratio = as_float(event.get("ratio"))
    times = f"{ratio:.1f} times the others' median" if ratio is not None else "slower than others"
    return f"worker {worker} on {node}: {times} up to step {event.get('step', '?')}, phase {phase}"


def _skipped(event: dict) -> str:
    rows = event.get("rows")
    text = f"step {event.get('step', '?')}: {clean(str(event.get('reason', '?')))}"
    if isinstance(rows, list) and rows:
        first = ", ".join(clean(str(row)) for row in rows[:MAX_ROWS])
        more = f" and {len(rows) - MAX_ROWS} more" if len(rows) > MAX_ROWS else ""
        text += f"; rows of the corpus to suspect: {first}{more}"
    return text


def _utc(unix_s: float) -> str:
    try:
        return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return ""
