"""MFAS on AV-MNIST of 10,000 pairs: its cost, what it finds, and that it can be gone on with."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from avmnist_towers import CONFIG, on_test, towers

from trainers.fusion.mfas.jobs import Job
from trainers.fusion.mfas.method import Cached, MfasMethod, fit_frozen
from trainers.fusion.mfas.network import MfasNetwork
from trainers.fusion.mfas.search import rank_correlations, search
from trainers.fusion.mfas.space import text
from trainers.fusion.mfas.unit import FusionLayers
from trainers.fusion.networks import train_on
from trainers.fusion.training import seeded
from trainers.tasks.task import Split

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def on_towers(cached: Cached, fusion: FusionLayers) -> MfasMethod:
    network = MfasNetwork(cached.singles, cached.units, fusion)
    return MfasMethod(network.eval(), cached.space, True, None)


def right(method: MfasMethod, split: Split) -> float:
    return float((method.scores(split).argmax(axis=1) == split.labels).mean())


def test_a_search_is_cheap_and_goes_on_where_it_was_cut_off(
    test_data: Path, tmp_path: Path, figures
) -> None:
    made = towers(test_data / "fusion")
    task, cached, tested = made.task, made.cached, made.tested
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
    found = on_test(trainer, trace, tested)
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
