"""Tests of trainers/fusion/late_task.py and of early fusion on a task."""

from collections.abc import Callable

import numpy as np
import pytest

from configs.networks import NetworksConfig
from trainers.fusion import early
from trainers.fusion.late_task import Rule, fit_decisions, fit_stacked
from trainers.fusion.method import Fitted
from trainers.tasks.task import Task

CONFIG = NetworksConfig(steps=150, lr=1e-2, hidden_dim=16, dropout=0.1, validations=5)


def accuracy(method: Fitted, task: Task) -> float:
    test = task.splits["test"]
    return float((method.scores(test).argmax(axis=-1) == test.labels).mean())


@pytest.mark.parametrize("rule", ["mean", "product", "weighted"])
def test_decisions_of_three_modalities_together_know_all(
    halves: Callable[..., Task], rule: Rule
) -> None:
    task = halves()
    method = fit_decisions(task, CONFIG, 0, rule)
    assert accuracy(method, task) > 0.8
    assert np.allclose(np.exp(method.scores(task.splits["test"])).sum(axis=-1), 1)


def test_a_modality_of_noise_gets_hardly_any_weight(halves: Callable[..., Task]) -> None:
    task = halves()
    left, right, noise = fit_decisions(task, CONFIG, 0, "weighted").weight_M
    assert left + right + noise == pytest.approx(1)
    assert noise < 0.2 < min(left, right)


def test_stacking_trains_on_towers_that_stay_as_they_are(halves: Callable[..., Task]) -> None:
    task = halves()
    method = fit_stacked(task, CONFIG, 0)
    assert accuracy(method, task) > 0.9
    test = task.splits["test"]
    alone = fit_decisions(task, CONFIG, 0, "mean")
    for one, other in zip(method.singles, alone.singles, strict=True):
        assert np.array_equal(one.scores(test), other.scores(test))


def test_scores_are_joined_as_scores(halves: Callable[..., Task]) -> None:
    task = halves(scores=True)
    test = task.splits["test"]
    method = fit_decisions(task, CONFIG, 0, "weighted")
    assert method.weight_M.sum() == pytest.approx(1)
    assert method.scores(test).shape == test.labels.shape
    with pytest.raises(ValueError, match="rule must be mean or weighted"):
        fit_decisions(task, CONFIG, 0, "product")


@pytest.mark.parametrize(("shape", "ragged"), [((1, 6), False), ((8, 8), False), ((6, 3), True)])
def test_early_fusion_serves_vectors_images_and_streams(
    halves: Callable[..., Task], shape: tuple[int, int], ragged: bool
) -> None:
    task = halves(shape, ragged=ragged)
    method = early.fit(task, CONFIG, 0)
    assert method.beside.channels == (3 if shape == (8, 8) else 1)
    assert accuracy(method, task) > 0.85
