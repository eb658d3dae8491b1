"""Fusion over time as methods on a task: `fit` for states and chains, `fit_hidden_crf`.

Shape letters in this file:
    N  examples    T  positions    C  width of a modality, or classes
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from configs.sequences import HiddenCrfConfig, LearningConfig, SequenceConfig
from trainers.fusion.sequences.inputs import Inputs, inputs_of, known, labels_of
from trainers.fusion.sequences.learning import learn
from trainers.fusion.sequences.network import Asked, HiddenCrf, Network, SequenceNetwork
from trainers.fusion.training import seeded
from trainers.models.standardise import feature_statistics
from trainers.tasks.task import Split, Task

_PART = 256
"""Examples that are scored at a time."""
_FARTHEST = 5.0
"""Standardised values are cut here: single features of recorded sound are outliers by far."""


@dataclass(frozen=True, slots=True)
class SequenceMethod:
    """A trained network, with the standardisation of its train split."""

    network: Network
    statistics: Mapping[str, tuple[Tensor, Tensor]]
    """Mean and deviation of each channel, by modality."""

    @property
    def num_parameters(self) -> int:
        """Trained weights."""
        return sum(p.numel() for p in self.network.parameters())

    @torch.no_grad()
    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities `[N, C]` or `[N, T, C]`; scores `[N]`, `[N, T]` or `[N, K]`."""
        inputs = standardised(split, self.statistics)
        with seeded(0):
            parts = [
                self.network.scores(Inputs({n: v[at] for n, v in inputs.values.items()}, mask_BT))
                for at, mask_BT in _parts(inputs.mask_BT)
            ]
        return torch.cat(parts).numpy()

    @torch.no_grad()
    def best(self, split: Split) -> np.ndarray:
        """Return the most probable labels of each sequence as a whole (Viterbi), `[N, T]`.

        Raises:
            ValueError: If the labels are no chain.
        """
        network = self.network
        if not isinstance(network, SequenceNetwork) or network.chain is None:
            raise ValueError("output must be `chain` for the best labels of a whole sequence")
        inputs = standardised(split, self.statistics)
        with seeded(0):
            return network.chain.best(network.outputs(inputs), inputs.mask_BT).numpy()


def fit(task: Task, config: SequenceConfig, seed: int) -> SequenceMethod:
    """Train on the split `train`, and keep the epoch with the least loss on `val`.

    Raises:
        ValueError: If the task has no such modality, or a chain is asked for where positions have
            no classes.
    """

    def build(widths: Mapping[str, int], asked: Asked) -> SequenceNetwork:
        network = SequenceNetwork(config, widths, asked)
        if not asked.num_classes:
            labels = labels_of(task.splits["train"])
            told = (labels[known(labels)] if asked.each else labels).view(-1, asked.num_scores)
            network.score_mean.copy_(told.nanmean(dim=0))
            network.score_std.copy_((told - network.score_mean).square().nanmean(dim=0).sqrt())
        return network

    return _fit(task, config.modalities, config.learning, build, seed)


def fit_hidden_crf(task: Task, config: HiddenCrfConfig, seed: int) -> SequenceMethod:
    """Train a multi-view hidden conditional random field, as `fit`.

    Raises:
        ValueError: If the task has no such modality or no classes, or too many hidden states.
    """

    def build(widths: Mapping[str, int], asked: Asked) -> HiddenCrf:
        return HiddenCrf(config, widths, asked)

    return _fit(task, config.modalities, config.learning, build, seed)


def standardised(split: Split, statistics: Mapping[str, tuple[Tensor, Tensor]]) -> Inputs:
    """Return the modalities in standard units, on one time base."""
    inputs = inputs_of(split, tuple(statistics))
    valid_NT1 = inputs.mask_BT.unsqueeze(2)
    values = {}
    for name, (mean_C, std_C) in statistics.items():
        units_NTC = ((inputs.values[name] - mean_C) / std_C).clamp(-_FARTHEST, _FARTHEST)
        values[name] = torch.where(valid_NT1, units_NTC, 0.0)
    return Inputs(values, inputs.mask_BT)


def _fit(
    task: Task,
    modalities: Sequence[str],
    learning: LearningConfig,
    build: Callable[[Mapping[str, int], Asked], Network],
    seed: int,
) -> SequenceMethod:
    train, val = task.splits["train"], task.splits["val"]
    names = tuple(modalities) or tuple(train.modalities)
    told = inputs_of(train, names)
    statistics = {n: feature_statistics(v, told.mask_BT) for n, v in told.values.items()}
    widths = {name: value.shape[2] for name, value in told.values.items()}
    with seeded(seed):
        network = build(widths, _asked(task))
        best = learn(
            network,
            learning,
            (standardised(train, statistics), labels_of(train)),
            (standardised(val, statistics), labels_of(val)),
        )
    network.load_state_dict(best)
    return SequenceMethod(network.eval(), statistics)


def _asked(task: Task) -> Asked:
    train = task.splits["train"]
    each = train.label_mask_NT is not None
    many = train.labels.ndim == 2 and not each
    return Asked(len(task.classes), each, train.labels.shape[1] if many else 1)


def _parts(mask_NT: Tensor) -> Iterator[tuple[slice, Tensor]]:
    for start in range(0, len(mask_NT), _PART):
        yield slice(start, start + _PART), mask_NT[start : start + _PART]
