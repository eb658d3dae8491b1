"""Towers on AV-MNIST, trained once, and what architectures of MFAS get right with their layers."""

from dataclasses import dataclass, replace
from pathlib import Path

from configs.mfas import MfasConfig
from configs.networks import NetworksConfig
from trainers.fusion.cached import with_layers
from trainers.fusion.late_task import fit_singles
from trainers.fusion.mfas.jobs import Job, Rows, Trainer
from trainers.fusion.mfas.method import Cached
from trainers.fusion.mfas.trace import Trace
from trainers.fusion.training import seeded
from trainers.tasks import avmnist
from trainers.tasks.task import Task

CONFIG = MfasConfig(networks=NetworksConfig(dropout=0.1))


@dataclass(frozen=True)
class Towers:
    """What both proofs begin with."""

    task: Task
    cached: Cached
    tested: Rows
    """The layers of the test split, in the units of the train split."""


def towers(data: Path) -> Towers:
    """Train both towers, and compute their layers."""
    task = avmnist.load(data)
    cached = Cached.of(task, fit_singles(task, CONFIG.networks, 0))
    with seeded(0):
        told = with_layers(cached.singles, task.splits["test"])
        layers = cached.units({k: one.values_BSC for k, one in told.modalities.items()})
    rows = Rows({name: layer.detach() for name, layer in layers.items()}, told.labels)
    return Towers(task, cached, rows)


def on_test(trainer: Trainer, trace: Trace, tested: Rows) -> float:
    """Test accuracy of the best on `val`, trained further from the shared weights as in search."""
    return replace(trainer, val=tested)(Job(trace.best(1)[0], 0, trace.bank)).worth
