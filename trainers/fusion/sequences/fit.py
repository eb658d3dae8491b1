"""Fusion over time as methods on a task: `fit` for states and chains, `fit_hidden_crf`.

Shape letters in this file:
    N  examples    T  positions    C  width of a modality, or classes
"""

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from configs.sequences import HiddenCrfConfig, LearningConfig, SequenceConfig
from trainers.fusion.sequences.inputs import Inputs, inputs_of, known, labels_of
from trainers.fusion.sequences.network import Asked, HiddenCrf, Network, SequenceNetwork
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
        with _one_thread():
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
        chain = getattr(self.network, "chain", None)
        if not isinstance(self.network, SequenceNetwork) or chain is None:
            raise ValueError("output must be `chain` for the best labels of a whole sequence")
        inputs = standardised(split, self.statistics)
        with _one_thread():
            return chain.best(self.network.outputs(inputs), inputs.mask_BT).numpy()


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
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(widths, _asked(task))
        best = _train(
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


def _train(
    network: Network,
    learning: LearningConfig,
    train: tuple[Inputs, Tensor],
    val: tuple[Inputs, Tensor],
) -> dict[str, Tensor]:
    """Train, and return the weights of the epoch with the least loss on `val`."""
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=learning.lr, weight_decay=learning.weight_decay
    )
    mean = copy.deepcopy(network).eval()
    best_loss, best_epoch = float("inf"), 0
    best = copy.deepcopy(mean.state_dict())
    for epoch in range(learning.epochs):
        _train_epoch(network, mean, optimizer, learning, train)
        with torch.no_grad():
            loss = float(mean.loss(*val)) / max(int(known(val[1]).sum()), 1)
        if loss < best_loss:
            best_loss, best_epoch = loss, epoch
            best = copy.deepcopy(mean.state_dict())
        if epoch - best_epoch >= learning.patience:
            break
    return best


def _train_epoch(
    network: Network,
    mean: Network,
    optimizer: torch.optim.Optimizer,
    learning: LearningConfig,
    train: tuple[Inputs, Tensor],
) -> None:
    network.train()
    inputs, labels = train
    # A batch may hold no label at all: sums over its labels, over how many it has on average.
    labels_each = float(known(labels).sum()) / len(labels)
    for rows in torch.randperm(len(labels)).split(learning.batch):
        batch = inputs.rows(rows)
        longest = batch.mask_BT.shape[1]
        own = labels[rows, :longest] if network.asked.each else labels[rows]
        loss = network.loss(batch, own) / (labels_each * len(rows))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), learning.clip_norm)
        optimizer.step()
        with torch.no_grad():
            for kept, own in zip(mean.parameters(), network.parameters(), strict=True):
                kept.lerp_(own, 1 - learning.average)


def _parts(mask_NT: Tensor) -> Iterator[tuple[slice, Tensor]]:
    for start in range(0, len(mask_NT), _PART):
        yield slice(start, start + _PART), mask_NT[start : start + _PART]


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order, and no threads that wait for one another over tiny matrices."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
