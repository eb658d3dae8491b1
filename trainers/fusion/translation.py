"""Co-learning by cyclic translation: training sees all modalities, prediction the source alone.

Pham et al., "Found in Translation", AAAI 2019. Training minimises

    task_weight * task loss + forward_weight * |T(x) - y|^2 + cycle_weight * |T(T(x)) - x|^2
    + second_weight * |T2(Z1) - y2|^2 + output_l2 * |last layer|^2

with the targets in standard units, means over positions and channels and then over examples. The
task loss is cross-entropy over the examples, or positions, that have a label, or the absolute error
of a score. Examples without a label, and pairs where a target is missing, teach what they can.

Shape letters in this file:
    N  examples    T  positions    C  width of a modality, or classes    B  examples of a batch
    M  predictions: examples, or all positions of them
"""

import contextlib
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from configs.translation import TranslationConfig
from trainers.fusion.translation_network import Padded, TranslationNetwork
from trainers.models.standardise import feature_statistics
from trainers.tasks.task import UNLABELLED, Split, Task


@dataclass(frozen=True, slots=True)
class TranslationMethod:
    """A trained network. Of what it is given, prediction looks at the source alone."""

    network: TranslationNetwork
    num_classes: int
    """0 where labels are scores."""

    @property
    def num_parameters(self) -> int:
        """Trained weights, the decoders' included."""
        return sum(p.numel() for p in self.network.parameters())

    @torch.no_grad()
    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities `[N, C]` or `[N, T, C]`; scores `[N]` or `[N, T]`."""
        source = _padded(split, self.network.source)
        with _one_thread():
            outputs = self.network.predict(self.network.joints(source), source).double()
        return (F.log_softmax(outputs, -1) if self.num_classes else outputs.squeeze(-1)).numpy()

    @torch.no_grad()
    def joint(self, split: Split) -> np.ndarray:
        """Return the last joint sequences `[N, T, H]`, from the source alone."""
        with _one_thread():
            return self.network.joints(_padded(split, self.network.source))[-1].numpy()

    @torch.no_grad()
    def translation_error(self, split: Split) -> float:
        """Return the squared error of source -> first target, over the target's variance."""
        batch = _batch(split, self.network)
        with _one_thread():
            joints = self.network.joints(batch[self.network.source])
            return self.network.translate(joints, batch, back=False).error.relative


def fit(task: Task, config: TranslationConfig, seed: int) -> TranslationMethod:
    """Train on the split `train`, and keep the epoch with the least task loss on `val`.

    Raises:
        ValueError: If the task has no such modality, or only one, or no label to learn from.
    """
    config = _named(config, task)
    train, val = task.splits["train"], task.splits["val"]
    for name in ("train", "val"):
        if not _known(_labels(task.splits[name])).any():
            raise ValueError(f"split {name} of {task.name} must have a label, got none")
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(config, task)
        optimizer = torch.optim.Adam(network.parameters(), lr=config.lr, fused=True)
        told, label_N = _batch(train, network), _labels(train)
        best_loss, best_epoch, best_weights = float("inf"), 0, network.state_dict()
        for epoch in range(config.epochs):
            _train_epoch(config, network, optimizer, told, label_N)
            loss = _val_loss(network, val)
            if loss < best_loss:
                best_loss, best_epoch = loss, epoch
                best_weights = copy.deepcopy(network.state_dict())
            if epoch - best_epoch >= config.patience:
                break
    network.load_state_dict(best_weights)
    return TranslationMethod(network.eval(), len(task.classes))


def _named(config: TranslationConfig, task: Task) -> TranslationConfig:
    """Return the config with the task's own names where it leaves them open."""
    known = tuple(task.splits["train"].modalities)
    source = config.source or known[0]
    targets = config.targets or tuple(name for name in known if name != source)[:2]
    if not targets or source in targets or {source, *targets} - set(known):
        raise ValueError(
            f"source and targets must be different modalities of {task.name}, "
            f"{', '.join(known)}, got {source!r} and {targets}"
        )
    return config.model_copy(update={"source": source, "targets": targets})


def _network(config: TranslationConfig, task: Task) -> TranslationNetwork:
    """Build it with fresh weights, and the standardisation of the train split."""
    train = task.splits["train"]
    widths = {name: s.values_NTC.shape[-1] for name, s in train.modalities.items()}
    num_outputs, each = len(task.classes) or 1, train.labels.ndim == 2
    network = TranslationNetwork(config, widths, num_outputs, each)
    for name in (config.source, *config.targets):
        told = _padded(train, name)
        level = network.second if name in config.targets[1:] else network.first
        assert level is not None
        level.set_statistics(name, *feature_statistics(told.values_BSC, told.mask_BS))
    return network


def _train_epoch(
    config: TranslationConfig,
    network: TranslationNetwork,
    optimizer: torch.optim.Optimizer,
    told: Mapping[str, Padded],
    label_N: Tensor,
) -> None:
    network.train()
    translates = config.forward_weight + config.cycle_weight + config.second_weight > 0
    # A batch may hold no label at all: sums over its labels, over how many it has on average.
    labels_each = float(_known(label_N).sum()) / len(label_N)
    for rows in torch.randperm(len(label_N)).split(config.batch):
        batch = {k: Padded(p.values_BSC[rows], p.mask_BS[rows]) for k, p in told.items()}
        source = batch[network.source]
        joints = network.joints(source)
        wrong = _task_losses(network.predict(joints, source), label_N[rows]).sum()
        loss = config.task_weight * wrong / (labels_each * len(rows))
        if translates:
            made = network.translate(joints, batch, back=config.cycle_weight > 0)
            loss = loss + config.forward_weight * made.forward + config.cycle_weight * made.cycle
            loss = loss + config.second_weight * made.second
        loss = loss + config.output_l2 * network.head.out.weight.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def _val_loss(network: TranslationNetwork, val: Split) -> float:
    network.eval()
    source = _padded(val, network.source)
    return float(_task_losses(network.predict(network.joints(source), source), _labels(val)).mean())


def _task_losses(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return a loss for each label that is known: cross-entropy, or the absolute error."""
    known = _known(labels)
    outputs_MC, labels_M = outputs[known], labels[known]
    if labels.is_floating_point():
        return (outputs_MC.squeeze(-1) - labels_M).abs()
    return F.cross_entropy(outputs_MC, labels_M, reduction="none")


def _known(labels: Tensor) -> Tensor:
    return labels.isfinite() if labels.is_floating_point() else labels != UNLABELLED


def _labels(split: Split) -> Tensor:
    """Return the labels, those at positions that have none marked as the unknown ones are."""
    labels = torch.from_numpy(split.labels.copy())
    if split.label_mask_NT is not None:
        unknown = torch.nan if labels.is_floating_point() else UNLABELLED
        labels[~torch.from_numpy(split.label_mask_NT)] = unknown
    return labels


def _padded(split: Split, modality: str) -> Padded:
    sequences = split.modalities[modality]
    return Padded(torch.from_numpy(sequences.values_NTC), torch.from_numpy(sequences.mask_NT))


def _batch(split: Split, network: TranslationNetwork) -> dict[str, Padded]:
    return {name: _padded(split, name) for name in (network.source, *network.targets)}


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order, and no threads that wait for one another over tiny matrices."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
