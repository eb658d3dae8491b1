"""Tests of trainers/fusion/mfas/method.py and network.py."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from configs.mfas import MfasConfig, UnitConfig
from configs.networks import NetworksConfig
from trainers.fusion.late_task import fit_singles
from trainers.fusion.mfas import method
from trainers.fusion.mfas.method import Cached
from trainers.fusion.mfas.network import MfasNetwork
from trainers.fusion.training import seeded
from trainers.tasks.task import Task

NETWORKS = NetworksConfig(steps=60, lr=1e-2, hidden_dim=16, dropout=0.1, validations=5)
CONFIG = MfasConfig(networks=NETWORKS, levels=2, samples=3, finalists=2, lr=0.02, batch=20)


def test_a_search_over_three_modalities_ends_in_a_method_that_knows_all(
    halves: Callable[..., Task], tmp_path: Path
) -> None:
    task = halves()
    found = method.fit(task, CONFIG, 0, tmp_path)
    test = task.splits["test"]
    assert (found.scores(test).argmax(axis=1) == test.labels).mean() > 0.85
    assert found.trace is not None
    assert found.trace.num_trained == 2**3 * 2 + 3
    given = CONFIG.model_copy(update={"architecture": found.architecture})
    again = method.fit(task, MfasConfig.model_validate(given.model_dump(mode="json")), 0)
    assert again.trace is None
    assert again.architecture == found.architecture
    assert np.array_equal(again.scores(test), found.scores(test))


def test_scores_may_be_searched_for_too(halves: Callable[..., Task]) -> None:
    task = halves((6, 3), ragged=True, scores=True)
    test = task.splits["test"]
    found = method.fit(task, CONFIG, 0)
    assert np.abs(found.scores(test) - test.labels).mean() < 0.6


def test_what_is_trained_on_cached_layers_is_the_same_on_the_towers(
    halves: Callable[..., Task],
) -> None:
    task = halves((8, 8))
    cached = Cached.of(task, fit_singles(task, NETWORKS, 0))
    fusion = method.fit_frozen(cached, CONFIG, 0, [cached.space.last()])
    network = MfasNetwork(cached.singles, cached.units, fusion).eval()
    from_towers = method.MfasMethod(network, cached.space, True, None).scores(task.splits["val"])
    with seeded(0):
        layers = {name: one.values_BSC for name, one in cached.val.modalities.items()}
        logits = fusion(fusion.inputs(layers)).log_softmax(dim=1)
    assert np.allclose(from_towers, logits.detach().numpy(), atol=1e-4)


def test_the_last_training_moves_the_towers_and_leaves_those_that_were_alone(
    halves: Callable[..., Task],
) -> None:
    task = halves()
    unit = UnitConfig(layers={"left": 1, "right": 1, "noise": 1}, activation="relu")
    given = CONFIG.model_copy(update={"architecture": (unit,)})
    tuned = method.fit(task, given, 0)
    frozen = method.fit(task, given.model_copy(update={"tune": False}), 0)
    alone = {
        name: one for s in fit_singles(task, NETWORKS, 0) for name, one in s.network.towers.items()
    }
    for name, tower in alone.items():
        for own, still, moved in zip(
            tower.parameters(),
            frozen.network.towers[name].parameters(),
            tuned.network.towers[name].parameters(),
            strict=True,
        ):
            assert own.equal(still)
            assert not own.equal(moved)


def test_an_architecture_of_other_modalities_is_refused(halves: Callable[..., Task]) -> None:
    unit = UnitConfig(layers={"image": 0}, activation="relu")
    with pytest.raises(ValueError, match="layers must be one of each modality"):
        method.fit(halves(), CONFIG.model_copy(update={"architecture": (unit,)}), 0)
