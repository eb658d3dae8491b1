"""Late fusion of modalities that were trained alone, on a task: mean, product, weights, stacking.

Decisions are joined by the rules of `late`; where labels are scores there are no probabilities,
and the mean and the weighted sum are of the scores themselves. Stacking trains a classifier on the
last layers of the towers, which stay as they are; with towers that are trained along it is
`networks.fit_joint`.

Shape letters in this file:
    M  modalities    N  examples    T  positions of a sequence    C  classes
    K  labels that are known    F  width of a layer
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor, nn

from configs.networks import NetworksConfig
from trainers.fusion.cached import last_names, named, widths, with_layers
from trainers.fusion.examples import Examples
from trainers.fusion.joins import SideBySide
from trainers.fusion.late import (
    learn_weights,
    mean_of_probabilities,
    product_of_probabilities,
    weighted_sum,
)
from trainers.fusion.networks import (
    NetworkMethod,
    as_scores,
    fit_alone,
    num_outputs,
)
from trainers.fusion.training import seeded, train_network
from trainers.tasks.task import Split, Task

Rule = Literal["mean", "product", "weighted"]


@dataclass(frozen=True, slots=True)
class LateMethod:
    """Decisions of each modality and the rule that joins them."""

    singles: Sequence[NetworkMethod]
    rule: Rule
    weight_M: np.ndarray
    """Of each modality, sum 1; all the same unless the rule is `weighted`."""

    has_classes: bool

    @property
    def num_parameters(self) -> int:
        """Trained weights, those of the modalities included."""
        own = len(self.weight_M) if self.rule == "weighted" else 0
        return own + sum(single.num_parameters for single in self.singles)

    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities `[N, C]` or `[N, T, C]`; scores `[N]` or `[N, T]`."""
        decided = np.stack([single.scores(split) for single in self.singles])
        if not self.has_classes:
            return np.tensordot(self.weight_M, decided, axes=1)
        rows_MNC = decided.reshape(len(decided), -1, decided.shape[-1])
        match self.rule:
            case "mean":
                joint_NC = mean_of_probabilities(rows_MNC)
            case "product":
                joint_NC = product_of_probabilities(rows_MNC)
            case "weighted":
                joint_NC = weighted_sum(rows_MNC, self.weight_M)
            case _:
                assert_never(self.rule)
        return joint_NC.reshape(decided.shape[1:])


def fit_decisions(task: Task, config: NetworksConfig, seed: int, rule: Rule) -> LateMethod:
    """Train each modality alone, and learn how their decisions are joined.

    Raises:
        ValueError: The product is asked for where labels are scores, or there is no label.
    """
    if rule == "product" and not task.classes:
        raise ValueError(f"rule must be mean or weighted where labels are scores, got {rule}")
    singles = fit_singles(task, config, seed)
    weight_M = np.full(len(singles), 1 / len(singles))
    if rule == "weighted":
        weight_M = _learned(task, singles)
    return LateMethod(singles, rule, weight_M, bool(task.classes))


def fit_singles(task: Task, config: NetworksConfig, seed: int) -> list[NetworkMethod]:
    """Train each modality alone, in the task's order."""
    return [fit_alone(task, config, seed, name) for name in task.splits["train"].modalities]


class Stack(nn.Module):
    """What stacking trains: a layer on the last layers of all towers, and a prediction."""

    def __init__(self, config: NetworksConfig, names: Mapping[str, int], outputs: int) -> None:
        """Build it for layers of these names and widths, and `outputs` numbers a prediction."""
        super().__init__()
        self.names = tuple(names)
        self.join = SideBySide(config, list(names.values()))
        self.out = nn.Sequential(
            nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(config.hidden_dim, outputs)
        )

    def forward(self, examples: Examples) -> Tensor:
        """Return logits or scores, `[N, C]` or `[N, T, C]`."""
        return self.out(self.join(named(examples, self.names)))


@dataclass(frozen=True, slots=True)
class StackedMethod:
    """Towers that were trained alone, and a classifier on their last layers."""

    singles: Sequence[NetworkMethod]
    stack: Stack
    has_classes: bool

    @property
    def num_parameters(self) -> int:
        """Trained weights."""
        own = sum(weight.numel() for weight in self.stack.parameters())
        return own + sum(single.num_parameters for single in self.singles)

    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities `[N, C]` or `[N, T, C]`; scores `[N]` or `[N, T]`."""
        with seeded(0), torch.no_grad():
            outputs = self.stack(with_layers(self.singles, split))
        return as_scores(outputs, has_classes=self.has_classes)


def fit_stacked(task: Task, config: NetworksConfig, seed: int) -> StackedMethod:
    """Train each modality alone, then a classifier on what their towers make of the examples.

    Raises:
        ValueError: The task has no label to learn from.
    """
    singles = fit_singles(task, config, seed)
    with seeded(seed):
        train, val = (with_layers(singles, task.splits[name]) for name in ("train", "val"))
        width = widths(train.modalities)
        names = {name: width[name] for name in last_names(train)}
        stack = Stack(config, names, num_outputs(task))
        train_network(config, stack, stack, train, val)
    return StackedMethod(singles, stack, bool(task.classes))


def _learned(task: Task, singles: Sequence[NetworkMethod]) -> np.ndarray:
    """Return the simplex weights under which the val labels are likeliest, or scores closest."""
    val = task.splits["val"]
    known = Examples.of(val).known.numpy()
    decided = np.stack([single.scores(val)[known] for single in singles])
    if task.classes:
        return learn_weights(decided, val.labels[known])
    return _closest(decided, val.labels[known].astype(np.float64))


def _closest(score_MK: np.ndarray, label_K: np.ndarray) -> np.ndarray:
    """Return the simplex weights of the weighted mean with the least squared error."""
    even_M = np.full(len(score_MK), 1 / len(score_MK))
    found = minimize(
        lambda weight_M: float(np.square(weight_M @ score_MK - label_K).mean()),
        even_M,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(score_MK),
        constraints=[{"type": "eq", "fun": lambda weight_M: weight_M.sum() - 1}],
    )
    return found.x
