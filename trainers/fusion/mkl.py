"""Fusion by multiple kernel learning: each modality has a family of kernels, weighed together.

Shape letters in this file:
    N  train examples        R  rows of a split        F  columns of all modalities
    M  kernels               C  classes
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from configs.kernels import MklConfig
from trainers.fusion.rows import RowMaker, draw_rows, known_rows
from trainers.kernels.mkl.classifier import MultipleKernelClassifier
from trainers.kernels.mkl.regressor import MultipleKernelRegressor
from trainers.tasks.task import Split, Task

_NEVER = -30.0
"""Log-odds of a class that no train example had."""


@dataclass(frozen=True, slots=True)
class MklMethod:
    """Trained machines with what their decisions are worth as log-odds."""

    rows: RowMaker
    machine: MultipleKernelClassifier | MultipleKernelRegressor
    sharpness: float
    num_classes: int
    """0 where labels are scores."""

    num_examples: int
    """Train examples that were used."""

    @property
    def num_parameters(self) -> int:
        """Coefficients of the train examples that are not 0, offsets and kernel weights."""
        machine = self.machine
        if isinstance(machine, MultipleKernelRegressor):
            return machine.duals_.size + machine.weights_.size + 1
        duals = sum(np.count_nonzero(one.dual_N) + 1 for one in machine.machines_.machines)
        return duals + machine.weights_.size

    @property
    def kernel_weights(self) -> dict[str, float]:
        """Weight of each kernel by modality and kernel, the mean over classes."""
        names, weight_M = list(self.rows.mean_F), np.atleast_2d(self.machine.weights_).mean(axis=0)
        return {
            str(member).replace(f"view {member.view}", names[member.view]): float(weight)
            for member, weight in zip(self.machine.family_.members, weight_M, strict=True)
        }

    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities, or scores, as `trainers.fusion.method.Fitted` says."""
        x_RF = _columns(self.rows, split)
        if not self.num_classes:
            assert isinstance(self.machine, MultipleKernelRegressor)
            return self.machine.predict(x_RF).reshape(split.labels.shape)
        assert isinstance(self.machine, MultipleKernelClassifier)
        logit_RC = _logits(self.machine, x_RF, self.num_classes)
        log_RC = _log_probabilities(self.sharpness * logit_RC)
        return log_RC.reshape(*split.labels.shape, -1)


def fit(task: Task, config: MklConfig, seed: int) -> MklMethod:
    """Train on `train`; the penalty and how sharp decisions are, by likelihood, on `val`.

    Raises:
        ValueError: Labels are scores, and the weighing needs classes.
    """
    train, val = task.splits["train"], task.splits["val"]
    rows = RowMaker.of(train)
    used_N = draw_rows(train, known_rows(train), config.most_examples, seed)
    x_NF, label_N = _columns(rows, train)[used_N], train.labels.ravel()[used_N]
    asked = known_rows(val)
    val_RF, val_R = _columns(rows, val)[asked], val.labels.ravel()[asked]
    views = [len(mean_F) for mean_F in rows.mean_F.values()]
    best: tuple[float, MklMethod] | None = None
    for penalty in config.penalties:
        machine = _machine(config, views, penalty, scores=not task.classes).fit(x_NF, label_N)
        loss, sharpness = _judge(machine, val_RF, val_R, len(task.classes))
        if best is None or loss < best[0]:
            best = loss, MklMethod(rows, machine, sharpness, len(task.classes), len(used_N))
    assert best is not None
    return best[1]


def _machine(
    config: MklConfig, views: list[int], penalty: float, *, scores: bool
) -> MultipleKernelClassifier | MultipleKernelRegressor:
    if not scores:
        return MultipleKernelClassifier(
            views=views,
            gammas=config.gammas,
            degrees=config.degrees,
            weighing=config.weighing,
            penalty=penalty,
            smoothing=config.smoothing,
        )
    if config.weighing not in ("uniform", "alignment"):
        raise ValueError(
            f"weighing must be uniform or alignment where labels are scores, got {config.weighing}"
        )
    return MultipleKernelRegressor(
        views=views,
        gammas=config.gammas,
        degrees=config.degrees,
        weighing=config.weighing,
        ridge=1 / penalty,
    )


def _judge(
    machine: MultipleKernelClassifier | MultipleKernelRegressor,
    x_RF: np.ndarray,
    label_R: np.ndarray,
    num_classes: int,
) -> tuple[float, float]:
    """Return the loss, and of classes the sharpness at which it is least."""
    if isinstance(machine, MultipleKernelRegressor):
        return float(np.square(machine.predict(x_RF) - label_R).mean()), 1.0
    index_R = np.arange(len(label_R))
    logit_RC = _logits(machine, x_RF, num_classes)

    def loss(log_sharpness: float) -> float:
        log_RC = _log_probabilities(np.exp(log_sharpness) * logit_RC)
        return -float(log_RC[index_R, label_R].mean())

    found = minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded")
    return float(found.fun), float(np.exp(found.x))


def _columns(rows: RowMaker, split: Split) -> np.ndarray:
    return np.concatenate(list(rows(split).values()), axis=1)


def _logits(machine: MultipleKernelClassifier, x_RF: np.ndarray, num_classes: int) -> np.ndarray:
    decision = machine.decision_function(x_RF)
    if decision.ndim == 1:
        decision = np.stack((np.zeros_like(decision), decision), axis=1)
    logit_RC = np.full((len(x_RF), num_classes), _NEVER)
    logit_RC[:, machine.classes_.astype(int)] = decision
    return logit_RC


def _log_probabilities(logit_RC: np.ndarray) -> np.ndarray:
    return logit_RC - np.logaddexp.reduce(logit_RC, axis=1, keepdims=True)
