"""The one classifier that every row of the fusion table trains: a small MLP.

The features are standardised with the mean and deviation of the training examples. The
weights kept are those of the epoch with the least validation loss, so a modality that
says nothing is not punished for what it memorised.

Shape letters in this file:
    N  examples        F  width of a feature        C  classes
"""

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from configs.fusion import FusionConfig


@dataclass(frozen=True, slots=True)
class Examples:
    """Features with their labels."""

    features_NF: np.ndarray
    label_N: np.ndarray
    """Class numbers from 0."""


@dataclass(frozen=True, slots=True)
class Standardiser:
    """Brings features to mean 0 and deviation 1, by the training examples' statistics."""

    mean_F: np.ndarray
    deviation_F: np.ndarray

    @classmethod
    def of(cls, features_NF: np.ndarray) -> "Standardiser":
        """Measure the statistics; a feature that never changes becomes 0."""
        mean_F = features_NF.mean(axis=0, dtype=np.float64)
        deviation_F = features_NF.std(axis=0, dtype=np.float64)
        constant_F = deviation_F < 1e-6 * np.maximum(1.0, np.abs(mean_F))
        return cls(mean_F, np.where(constant_F, np.inf, deviation_F))

    def __call__(self, features_NF: np.ndarray) -> Tensor:
        standard_NF = (features_NF - self.mean_F) / self.deviation_F
        return torch.from_numpy(standard_NF.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained network with the statistics that it was trained under."""

    standardise: Standardiser
    network: nn.Module

    @torch.no_grad()
    def log_probabilities(self, features_NF: np.ndarray) -> np.ndarray:
        """Return log-probabilities of shape `[N, C]`."""
        logits_NC = self.network(self.standardise(features_NF))
        return F.log_softmax(logits_NC.double(), dim=1).numpy()


def fit_classifier(
    config: FusionConfig, seed: int, train: Examples, val: Examples, num_classes: int
) -> Classifier:
    """Train on `train`, choose the epoch on `val`. The same seed gives the same weights."""
    standardise = Standardiser.of(train.features_NF)
    train_NF, val_NF = standardise(train.features_NF), standardise(val.features_NF)
    train_N, val_N = torch.from_numpy(train.label_N), torch.from_numpy(val.label_N)
    with _one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(train_NF.shape[1], config, num_classes)
        optimizer = torch.optim.Adam(network.parameters(), lr=config.lr, fused=True)
        best_loss, best_epoch, best_weights = float("inf"), 0, network.state_dict()
        for epoch in range(config.epochs):
            _train_epoch(network, optimizer, train_NF, train_N, config.batch)
            loss = _loss(network, val_NF, val_N)
            if loss < best_loss:
                best_loss, best_epoch = loss, epoch
                best_weights = copy.deepcopy(network.state_dict())
            if epoch - best_epoch >= config.patience:
                break
    network.load_state_dict(best_weights)
    return Classifier(standardise, network.eval())


def accuracy(log_probability_NC: np.ndarray, label_N: np.ndarray) -> float:
    """Return the share of examples whose likeliest class is the right one."""
    return float(np.mean(log_probability_NC.argmax(axis=1) == label_N))


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order, and no threads that wait for one another over tiny matrices."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _network(width: int, config: FusionConfig, num_classes: int) -> nn.Module:
    return nn.Sequential(
        nn.Dropout(config.dropout),
        nn.Linear(width, config.hidden_dim),
        nn.ReLU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.hidden_dim, num_classes),
    )


def _train_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    train_NF: Tensor,
    train_N: Tensor,
    batch: int,
) -> None:
    network.train()
    for rows in torch.randperm(len(train_N)).split(batch):
        optimizer.zero_grad()
        F.cross_entropy(network(train_NF[rows]), train_N[rows]).backward()
        optimizer.step()


@torch.no_grad()
def _loss(network: nn.Module, features_NF: Tensor, label_N: Tensor) -> float:
    return float(F.cross_entropy(network.eval()(features_NF), label_N))
