"""MFAS on AV-MNIST of 10,000 pairs: its cost, what it finds, and random search beside it."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from configs.mfas import MfasConfig
from configs.networks import NetworksConfig
from trainers.fusion.cached import with_layers
from trainers.fusion.late_task import fit_singles
from trainers.fusion.mfas.jobs import Job, Rows, Trainer
from trainers.fusion.mfas.method import Cached, MfasMethod, fit_frozen
from trainers.fusion.mfas.network import MfasNetwork
from trainers.fusion.mfas.search import rank_correlations, search
from trainers.fusion.mfas.space import text
from trainers.fusion.mfas.trace import Trace
from trainers.fusion.mfas.unit import FusionLayers
from trainers.fusion.networks import train_on
from trainers.fusion.training import seeded
from trainers.tasks import avmnist
from trainers.tasks.task import Split, Task

pytestmark = pytest.mark.slow

CONFIG = MfasConfig(networks=NetworksConfig(dropout=0.1))
SEEDS = range(10)


@pytest.fixture(scope="module")
def task(test_data: Path) -> Task:
    return avmnist.load(test_data / "fusion")


@pytest.fixture(scope="module")
def cached(task: Task) -> Cached:
    return Cached.of(task, fit_singles(task, CONFIG.networks, 0))


@pytest.fixture(scope="module")
def tested(task: Task, cached: Cached) -> Rows:
    """The layers of the test split, in the units of the train split."""
    with seeded(0):
        told = with_layers(cached.singles, task.splits["test"])
        layers = cached.units({k: one.values_BSC for k, one in told.modalities.items()})
    return Rows({name: layer.detach() for name, layer in layers.items()}, told.labels)


def found_on_test(trainer: Trainer, trace: Trace, tested: Rows) -> float:
    """Test accuracy of the best on `val`, trained further from the shared weights as in search."""
    return replace(trainer, val=tested)(Job(trace.best(1)[0], 0, trace.bank)).worth


def on_towers(cached: Cached, fusion: FusionLayers) -> MfasMethod:
    network = MfasNetwork(cached.singles, cached.units, fusion)
    return MfasMethod(network.eval(), cached.space, True, None)


def right(method: MfasMethod, split: Split) -> float:
    return float((method.scores(split).argmax(axis=1) == split.labels).mean())


def test_a_search_is_cheap_and_goes_on_where_it_was_cut_off(
    task: Task, cached: Cached, tested: Rows, tmp_path: Path, figures
) -> None:
    trainer = cached.trainer(CONFIG)
    began = time.process_time()
    trace = search(trainer, 0)
    seconds = time.process_time() - began
    figures(architectures=trace.num_trained, cpu_seconds=seconds)
    ranks = rank_correlations(trace)
    figures(surrogate_rank_correlations=", ".join(f"{rank:.2f}" for rank in ranks))
    search(trainer, 0, tmp_path, most_steps=2)
    assert search(trainer, 0, tmp_path).steps == trace.steps
    assert trace.num_trained >= 60
    assert seconds <= 60

    last = replace(trainer, val=tested)(Job(cached.space.last(), 0, {})).worth
    found = found_on_test(trainer, trace, tested)
    figures(found=text(trace.best(1)[0]), accuracy=found, last_layers_alike=last)
    wide = fit_frozen(cached, CONFIG, 0, trace.best(CONFIG.finalists))
    wide_last = fit_frozen(cached, CONFIG, 0, [cached.space.last()])
    split = task.splits["test"]
    frozen, late = (
        right(
            MfasMethod(MfasNetwork(cached.singles, cached.units, one), cached.space, True, None),
            split,
        )
        for one in (wide, wide_last)
    )
    figures(frozen_wide=frozen, frozen_wide_last_layers=late)
    figures(points_over_last_layers=f"{100 * (frozen - late):+.1f} (bar: +5)")
    tuned = on_towers(cached, wide)
    gentle = CONFIG.networks.model_copy(update={"lr": CONFIG.networks.lr / 10})
    with seeded(0):
        train_on(task, gentle, tuned.network)
    figures(tuned_with_towers=right(tuned, split))
    assert frozen > late


def test_the_surrogate_is_not_behind_random_search(cached: Cached, tested: Rows, figures) -> None:
    led = cached.trainer(CONFIG)
    even = cached.trainer(CONFIG.model_copy(update={"search": "random"}))
    pairs = []
    for seed in SEEDS:
        traces = search(led, seed), search(even, seed)
        assert traces[0].num_trained == traces[1].num_trained
        pairs.append([found_on_test(led, trace, tested) for trace in traces])
    accuracy_S2 = 100 * np.array(pairs)
    difference_S = accuracy_S2[:, 0] - accuracy_S2[:, 1]
    error = stats.sem(difference_S) * stats.t.ppf(0.975, len(difference_S) - 1)
    mean = difference_S.mean()
    figures(mfas=f"{accuracy_S2[:, 0].mean():.2f} %", random=f"{accuracy_S2[:, 1].mean():.2f} %")
    figures(difference=f"{mean:+.2f} points, 95 % {mean - error:+.2f} to {mean + error:+.2f}")
    assert mean - error > -0.5
