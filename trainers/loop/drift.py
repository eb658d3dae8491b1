"""Whether a run may go on with the settings that are given now.

A run is one curve. A setting that would bend it in the middle is refused; one that only says
how the work is done may change. The schedule may change where the steps that are done keep their
learning rates: then the run goes on as one that had the new schedule from its beginning.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from configs.runs import TrainJob
from configs.settings import dotted
from trainers.loop.schedule import learning_rate

MAY_CHANGE = (
    "run.name",
    "run.root",
    # The manifest's hash is compared instead: shards may move, but not change.
    "data.shards",
    "data.mix",
    "data.max_damaged",
    "data.check_shards",
    "data.shards_ahead",
    "data.copies_gib",
    "data.copies",
    # Both decoders give the same frames.
    "data.decoder",
    "data.threads",
    "data.read_ahead",
    "data.cache_gib",
    # Another way to the same sums.
    "objectives.mil_nce.form",
    "objectives.mil_nce.chunk",
    # The same bits with less memory.
    "model.compute.recompute",
    "training.workers",
    "training.min_workers",
    "training.checkpoint_every",
    "training.keep_checkpoints",
    "training.attempts",
    # What is looked at, and when it is too much.
    "training.max_skipped",
    "training.figures_every",
    "training.gradients_every",
    "training.compare_weights_every",
    "training.profile_steps",
    "training.peak_tflops",
    "checkpoints",
    "faults",
    "tracking",
    # It only looks at checkpoints.
    "evaluation",
    "ray",
    "operating",
)
"""Settings, and whole groups of them."""


_SCHEDULE = ("training.steps", "training.warmup_steps", "training.restarts", "training.lr")
"""What the learning rate is a function of."""


def drift(before: TrainJob, now: TrainJob, done: int) -> list[str]:
    """Return `key: before -> now` for each setting that differs and may not.

    Args:
        before: Settings of the checkpoint.
        now: Those that are given.
        done: Finished steps.
    """
    free = _SCHEDULE if _same_rates(before, now, done) else ()
    return [line for line in differences(before, now) if not line.startswith(_as_prefixes(free))]


def differences(before: TrainJob, now: TrainJob) -> list[str]:
    """Return `key: before -> now` for each setting that differs and says more than how."""
    old, new = dotted(before.model_dump(mode="json")), dotted(now.model_dump(mode="json"))
    return [
        f"{key}: {old.get(key)!r} -> {new.get(key)!r}"
        for key in sorted(old.keys() | new.keys())
        if not _may_change(key) and old.get(key) != new.get(key)
    ]


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return `name: before -> now` for each name under which two mappings differ."""
    return [
        f"{name}: {before.get(name, 'none')} -> {now.get(name, 'none')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]


def _as_prefixes(keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{key}: " for key in keys)


def _same_rates(before: TrainJob, now: TrainJob, done: int) -> bool:
    old, new = before.training, now.training
    return all(learning_rate(old, step) == learning_rate(new, step) for step in range(done))


def _may_change(key: str) -> bool:
    return any(key == free or key.startswith(f"{free}.") for free in MAY_CHANGE)


def refuse_drift(
    before: TrainJob,
    now: TrainJob,
    done: int,
    samples: Sequence[str] = (),
    code: Sequence[str] = (),
) -> list[str]:
    """Return nothing when the run may go on, and with `checkpoints.override` what differs.

    Args:
        before: Settings of the checkpoint.
        now: Those that are given.
        done: Finished steps of the checkpoint.
        samples: What differs in what is trained on.
        code: What differs in the code that decides numbers.

    Raises:
        ValueError: If something differs that would bend the curve, naming each.
    """
    settings = drift(before, now, done)
    parts = {"settings": settings, "samples": samples, "code": code}
    changed = [line for lines in parts.values() for line in lines]
    if not changed or now.checkpoints.override:
        return changed
    names = " and ".join(f"other {name}" for name, lines in parts.items() if lines)
    advice = "give the run what it was begun with, choose another run.name, or go on with "
    advice += "--override if the curve may bend"
    if any(line.startswith(_as_prefixes(_SCHEDULE)) for line in settings):
        advice += f"\n{_schedule_advice(before, now, done)}"
    raise ValueError(
        f"run {now.run.name!r} was begun with {names} and must keep them, got\n  "
        + "\n  ".join(changed)
        + f"\n{advice}"
    )


def _schedule_advice(before: TrainJob, now: TrainJob, done: int) -> str:
    """Say what the learning rate would do, and how a run is extended that keeps its own."""
    last, ends = learning_rate(before.training, done - 1), before.training.steps
    text = (
        "training.steps and the like shape the learning rate of every step: that of step "
        f"{done} was {last:.3g}, and the next would have {learning_rate(now.training, done):.3g}"
    )
    if now.training.steps > ends:
        text += (
            f"; with --training.restarts {' '.join(map(str, (*before.training.restarts, ends)))} "
            f"the steps up to {ends} keep theirs, and warm-up and cosine begin anew there"
        )
    return text
