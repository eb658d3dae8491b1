"""Networks of towers, joined or alone, trained end to end on a task.

`fit_alone` trains the tower of one modality; `fit_joint` all towers together with what joins
their last layers: late fusion, jointly trained, and tensor and low-rank fusion.

Shape letters in this file:
    N  examples    T  positions of a sequence    C  classes; 1 where labels are scores
    F  width of a layer
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from configs.networks import NetworksConfig
from trainers.fusion.examples import Examples
from trainers.fusion.joins import JoinKind, build_join
from trainers.fusion.towers import build_tower, kind_of
from trainers.fusion.training import in_parts, seeded, train_network
from trainers.fusion.translation_network import Padded
from trainers.models.standardise import Standardise, feature_statistics
from trainers.tasks.task import Sequences, Split, Task


class FusedNetwork(nn.Module):
    """Towers of some modalities, a join of their last layers, and a prediction."""

    def __init__(
        self,
        config: NetworksConfig,
        task: Task,
        modalities: Sequence[str],
        kind: JoinKind,
        channels: int = 1,
    ) -> None:
        """Build it with fresh weights and the standardisation of the train split.

        Args:
            config: Widths and dropout.
            task: Gives the shapes of modalities and labels.
            modalities: Names of those that have a tower.
            kind: How their last layers are joined.
            channels: Images that stand side by side in the columns of each modality.
        """
        super().__init__()
        self.names = tuple(modalities)
        train, each = task.splits["train"], labels_each(task)
        told = {name: train.modalities[name] for name in self.names}
        self.standardise = nn.ModuleDict({k: standardiser(s, each=each) for k, s in told.items()})
        towers = {k: build_tower(config, s, each=each, channels=channels) for k, s in told.items()}
        self.towers = nn.ModuleDict(towers)
        self.join = build_join(kind, config, [tower.widths[-1] for tower in towers.values()])
        self.out = nn.Sequential(
            nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(config.hidden_dim, num_outputs(task))
        )

    def layers(self, modalities: Mapping[str, Padded]) -> dict[str, list[Tensor]]:
        """Return all layers of each tower, `[N, F]` each, or `[N, T, F]`."""
        return {
            name: self.towers[name](standard(self.standardise[name], modalities[name]))
            for name in self.names
        }

    def forward(self, modalities: Mapping[str, Padded]) -> Tensor:
        """Return logits or scores, `[N, C]` or `[N, T, C]`."""
        layers = self.layers(modalities)
        return self.out(self.join([layers[name][-1] for name in self.names]))


@dataclass(frozen=True, slots=True)
class NetworkMethod:
    """A trained network as a method: see `trainers.fusion.method.Fitted`."""

    network: FusedNetwork
    has_classes: bool

    @property
    def num_parameters(self) -> int:
        """Trained weights."""
        return sum(weight.numel() for weight in self.network.parameters())

    def scores(self, split: Split) -> np.ndarray:
        """Return log-probabilities `[N, C]` or `[N, T, C]`; scores `[N]` or `[N, T]`."""
        with seeded(0):
            outputs = in_parts(lambda some: self.network(some.modalities), Examples.of(split))
        return as_scores(outputs, has_classes=self.has_classes)


def fit_alone(task: Task, config: NetworksConfig, seed: int, modality: str) -> NetworkMethod:
    """Train on one modality alone.

    Raises:
        ValueError: The task has no such modality, or no label to learn from.
    """
    if modality not in task.splits["train"].modalities:
        raise ValueError(f"modality must be one of {task.name}'s, got {modality!r}")
    return _fit(task, config, seed, (modality,), "concat")


def fit_joint(task: Task, config: NetworksConfig, seed: int, kind: JoinKind) -> NetworkMethod:
    """Train the towers of all modalities, what joins their last layers and the prediction at once.

    Raises:
        ValueError: The task has no label to learn from.
    """
    return _fit(task, config, seed, tuple(task.splits["train"].modalities), kind)


def _fit(
    task: Task, config: NetworksConfig, seed: int, modalities: Sequence[str], kind: JoinKind
) -> NetworkMethod:
    with seeded(seed):
        network = FusedNetwork(config, task, modalities, kind)
        train_on(task, config, network)
    return NetworkMethod(network, bool(task.classes))


def train_on(task: Task, config: NetworksConfig, network: nn.Module) -> None:
    """Train a network of modalities on the task's train split, chosen on its val split."""
    train, val = (Examples.of(task.splits[name]) for name in ("train", "val"))
    train_network(config, network, lambda some: network(some.modalities), train, val)


def labels_each(task: Task) -> bool:
    """Say whether each position has a label of its own."""
    return task.splits["train"].labels.ndim == 2


def num_outputs(task: Task) -> int:
    """Return C."""
    return len(task.classes) or 1


def as_scores(outputs: Tensor, *, has_classes: bool) -> np.ndarray:
    """Turn outputs of a network into what `Fitted.scores` promises."""
    wide = outputs.detach().double()
    return (F.log_softmax(wide, dim=-1) if has_classes else wide.squeeze(-1)).numpy()


def standardiser(one: Sequences, *, each: bool) -> Standardise:
    """Return the units of a modality: a channel's own, but an image has one for all of it."""
    values_NTC = torch.from_numpy(np.asarray(one.values_NTC, dtype=np.float32))
    width = values_NTC.shape[2]
    found = Standardise(width)
    mean_C, std_C = feature_statistics(values_NTC, torch.from_numpy(np.asarray(one.mask_NT)))
    if kind_of(one, each=each) == "image":
        mean_C, std_C = values_NTC.mean().expand(width), values_NTC.std().expand(width)
    found.set(mean_C, std_C)
    return found


def standard(units: nn.Module, one: Padded) -> Padded:
    """Return a modality in standard units, 0 at positions that are not there."""
    # A padded position may hold anything, NaN too.
    values_NTC = units(one.values_BSC).masked_fill(~one.mask_BS[:, :, None], 0.0)
    return Padded(values_NTC, one.mask_BS)
