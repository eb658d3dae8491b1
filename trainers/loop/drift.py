"""Whether a run may go on with the settings that are given now.

A run is one curve. A setting that would bend it in the middle is refused; one that only says
how the work is done may change.
"""

from typing import Any

from configs.runs import TrainJob

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
    "training.compare_weights_every",
    "training.profile_steps",
    "training.peak_tflops",
    "checkpoints",
    "faults.start_limit_s",
    "faults.step_limit_s",
    "faults.wait_for_workers_s",
    "tracking.tensorboard",
    "tracking.wandb",
    "tracking.wandb_project",
    "tracking.wandb_entity",
    "tracking.mlflow",
    "tracking.mlflow_experiment",
    "tracking.exchange_every",
    "tracking.straggler_ratio",
    "tracking.straggler_steps",
    # It only looks at checkpoints.
    "evaluation",
    "ray.address",
    "ray.cpus",
)
"""Settings, and whole groups of them."""


def drift(before: TrainJob, now: TrainJob) -> list[str]:
    """Return `key: before -> now` for each setting that differs and may not."""
    old, new = _flatten(before.model_dump(mode="json")), _flatten(now.model_dump(mode="json"))
    return [
        f"{key}: {old.get(key)!r} -> {new.get(key)!r}"
        for key in sorted(old.keys() | new.keys())
        if not _may_change(key) and old.get(key) != new.get(key)
    ]


def _may_change(key: str) -> bool:
    return any(key == free or key.startswith(f"{free}.") for free in MAY_CHANGE)


def refuse_drift(before: TrainJob, now: TrainJob) -> None:
    """Do nothing when the run may go on.

    Raises:
        ValueError: If settings differ that would bend the curve, naming each.
    """
    changed = drift(before, now)
    if not changed:
        return
    advice = "give the run's own settings again, or choose another run.name"
    if any(line.startswith("training.steps:") for line in changed):
        advice += "; training.steps shapes the learning rate of every step, so it is fixed too"
    raise ValueError(
        f"run {now.run.name!r} was begun with other settings and must keep them, got\n  "
        + "\n  ".join(changed)
        + f"\n{advice}"
    )


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
