"""One architecture trained on cached layers: the job that a search repeats.

A job begins with the weights that units of other architectures have left (weight sharing), and
brings its own back; so it depends on what it is given alone, wherever it runs.

Shape letters in this file:
    K  examples, or positions with a label    F  width of a layer    C  classes
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from configs.mfas import MfasConfig
from trainers.fusion.examples import Examples
from trainers.fusion.mfas.space import Architecture, Space
from trainers.fusion.mfas.unit import FusionLayers
from trainers.fusion.training import seeded

Bank = dict[str, Tensor]
"""Weights of units and predictions, by what they are."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Layers and labels of what is known."""

    layers: Mapping[str, Tensor]
    """`[K, F]` each."""

    label_K: Tensor

    @classmethod
    def of(cls, cached: Examples) -> "Rows":
        """Keep the examples, or positions, that have a label."""
        layers = {name: one.values_BSC[cached.known] for name, one in cached.modalities.items()}
        return cls(layers, cached.labels[cached.known])


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be trained, from which weights."""

    architecture: Architecture
    seed: int
    bank: Bank


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a job."""

    worth: float
    """Accuracy on the val split; of scores 1 / (1 + absolute error / that of the median)."""

    bank: Bank


@dataclass(frozen=True, slots=True)
class Trainer:
    """Trains architectures on the same cached layers: a function of a job."""

    space: Space
    config: MfasConfig
    train: Rows
    val: Rows
    num_outputs: int

    def __call__(self, job: Job) -> Trained:
        """Train the fusion layers for the epochs of a search, and measure them."""
        with seeded(job.seed):
            widths = {name: x.shape[1] for name, x in self.train.layers.items()}
            network = FusionLayers(
                self.space, job.architecture, widths, self.config.hidden_dim, self.num_outputs
            )
            _load(network, job.bank)
            self._descend(network)
            with torch.no_grad():
                outputs_KC = network(network.inputs(self.val.layers))
        return Trained(_worth(outputs_KC, self.val.label_K), _kept(network))

    def _descend(self, network: FusionLayers) -> None:
        inputs, label_K = network.inputs(self.train.layers), self.train.label_K
        optimizer = torch.optim.Adam(network.parameters(), lr=self.config.lr, fused=True)
        steps_a_pass = -(-len(label_K) // self.config.batch)
        schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
            optimizer, T_0=steps_a_pass, T_mult=2, eta_min=self.config.lr / 1000
        )
        for _ in range(self.config.epochs):
            for rows in torch.randperm(len(label_K)).split(self.config.batch):
                optimizer.zero_grad()
                outputs_KC = network([x[rows] for x in inputs])
                _loss(outputs_KC, label_K[rows]).backward()
                optimizer.step()
                schedule.step()


Map = Callable[[Trainer, Sequence[Job]], list[Trained]]
"""Does jobs, and returns what came of them in their order."""


def one_by_one(trainer: Trainer, jobs: Sequence[Job]) -> list[Trained]:
    """Do jobs in this process."""
    return [trainer(job) for job in jobs]


def _loss(outputs_KC: Tensor, label_K: Tensor) -> Tensor:
    if label_K.is_floating_point():
        return (outputs_KC.squeeze(-1) - label_K).abs().mean()
    return F.cross_entropy(outputs_KC, label_K)


def _worth(outputs_KC: Tensor, label_K: Tensor) -> float:
    if not label_K.is_floating_point():
        return float((outputs_KC.argmax(dim=1) == label_K).double().mean())
    error = (outputs_KC.squeeze(-1) - label_K).abs().mean()
    spread = (label_K - label_K.median()).abs().mean().clamp_min(1e-12)
    return float(1 / (1 + error / spread))


def _load(network: FusionLayers, bank: Bank) -> None:
    for key, part in network.shared().items():
        if f"{key}.weight" in bank:
            part.load_state_dict({n: bank[f"{key}.{n}"] for n in ("weight", "bias")})


def _kept(network: FusionLayers) -> Bank:
    return {
        f"{key}.{name}": weight.detach().clone()
        for key, part in network.shared().items()
        for name, weight in part.named_parameters()
    }
