"""MFAS beside random search on AV-MNIST of 10,000 pairs: as many architectures, ten seeds."""

from pathlib import Path

import numpy as np
import pytest
from avmnist_towers import CONFIG, on_test, towers
from scipy import stats

from trainers.fusion.mfas.search import search

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

SEEDS = range(10)


def test_the_surrogate_is_not_behind_random_search(test_data: Path, figures) -> None:
    made = towers(test_data / "fusion")
    cached, tested = made.cached, made.tested
    led = cached.trainer(CONFIG)
    even = cached.trainer(CONFIG.model_copy(update={"search": "random"}))
    pairs = []
    for seed in SEEDS:
        traces = search(led, seed), search(even, seed)
        assert traces[0].num_trained == traces[1].num_trained
        pairs.append([on_test(led, trace, tested) for trace in traces])
        figures(**{f"seed_{seed}": f"{100 * pairs[-1][0]:.2f} % and {100 * pairs[-1][1]:.2f} %"})
    accuracy_S2 = 100 * np.array(pairs)
    difference_S = accuracy_S2[:, 0] - accuracy_S2[:, 1]
    error = stats.sem(difference_S) * stats.t.ppf(0.975, len(difference_S) - 1)
    mean = difference_S.mean()
    figures(mfas=f"{accuracy_S2[:, 0].mean():.2f} %", random=f"{accuracy_S2[:, 1].mean():.2f} %")
    figures(difference=f"{mean:+.2f} points, 95 % {mean - error:+.2f} to {mean + error:+.2f}")
    assert mean - error > -0.5
