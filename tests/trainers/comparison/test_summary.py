"""The table of the grid."""

import numpy as np
import pytest

from trainers.comparison.cells import Cell
from trainers.comparison.run import Grid
from trainers.comparison.summary import blind_gain, summarise
from trainers.tasks.task import Split, Task


def cell(gains: np.ndarray, curve: list[float]) -> dict:
    took = {"cpu_s": 2.0, "wall_s": 3.0, "peak_bytes": 1000}
    return {
        "figures": {"accuracy": float(gains.mean())},
        "gains": gains.tolist(),
        "num_parameters": 7,
        "missing": {"mean": {"left": 0.5, "left+right": float(gains.mean())}},
        "corrupted": {"left": {"noise": curve}},
        "cost": {"train": took, "score": took, "examples_scored": 120},
    }


@pytest.fixture
def grid() -> Grid:
    rng = np.random.default_rng(0)
    flat, falling = [0.8] * 10, [0.8 - level / 20 for level in range(10)]
    cells = {}
    for seed in (0, 1):
        right = (rng.random(120) < 0.7).astype(float)
        cells[Cell("made", "late_product", seed)] = cell(right, falling)
        cells[Cell("made", "early", seed)] = cell(np.maximum(right, rng.random(120) < 0.5), flat)
        cells[Cell("made", "alone.left", seed)] = cell(np.zeros(120), flat)
    return Grid(cells, {}, {("made", "kcca"): "because"})


def test_methods_are_held_against_late_fusion_of_the_same_seeds(grid: Grid, made: Task) -> None:
    (task,) = summarise(grid, {"made": made})["tasks"]
    rows = {row["method"]: row for row in task["methods"]}
    assert task["baseline"] == "late_product"
    assert task["unfit"] == {"kcca": "because"}
    assert rows["late_product"]["against_baseline"]["difference"] == 0
    better = rows["early"]["against_baseline"]
    assert better["low"] > 0 and better["mcnemar_p"] < 0.01
    assert rows["alone.left"]["against_baseline"]["high"] < 0


def test_spread_is_over_seeds_and_methods_are_in_order(grid: Grid, made: Task) -> None:
    (task,) = summarise(grid, {"made": made})["tasks"]
    row = task["methods"][0]
    values = [np.mean(grid.cells[Cell("made", "early", seed)]["gains"]) for seed in (0, 1)]
    assert row["method"] == "early"
    assert row["gain"]["mean"] == pytest.approx(np.mean(values))
    assert row["gain"]["std"] == pytest.approx(np.std(values, ddof=1))
    assert row["cost"] == {
        "train_cpu_s": {"mean": 2.0, "std": 0.0, "values": [2.0, 2.0]},
        "score_ms": {"mean": 2000 / 120, "std": 0.0, "values": [2000 / 120] * 2},
        "peak_bytes": 1000,
    }


def test_a_method_that_sees_no_more_than_the_blind_is_labelled_so(grid: Grid, made: Task) -> None:
    (task,) = summarise(grid, {"made": made})["tasks"]
    labelled = {row["method"]: row["at_or_below_blind"] for row in task["methods"]}
    assert labelled == {"early": False, "late_product": False, "alone.left": True}
    assert task["blind"] == blind_gain(made)


def test_robustness_of_the_baseline_is_exactly_zero_beyond_itself(grid: Grid, made: Task) -> None:
    (task,) = summarise(grid, {"made": made})["tasks"]
    kept = {row["method"]: row["robustness"]["left"]["noise"] for row in task["methods"]}
    assert kept["late_product"]["effective"] == 0
    assert kept["early"]["effective"] == pytest.approx(sum(range(10)) / 20)
    assert kept["early"]["relative"] == pytest.approx(0.72)


def test_the_blind_answer_is_the_train_splits(made: Task) -> None:
    train = np.bincount(made.splits["train"].labels).argmax()
    assert blind_gain(made) == np.mean(made.splits["test"].labels == train)


def test_of_scores_the_blind_answer_is_the_train_splits_median(made: Task) -> None:
    def scored(split: Split, scores: np.ndarray) -> Split:
        return Split(split.ids, split.modalities, scores.astype(np.float32))

    rng = np.random.default_rng(0)
    train, test = rng.normal(size=240), rng.normal(size=120)
    task = Task(
        "scores",
        (),
        {"train": scored(made.splits["train"], train), "test": scored(made.splits["test"], test)},
    )
    assert blind_gain(task) == pytest.approx(-np.abs(test - np.median(train)).mean(), abs=1e-6)
