"""AV-MNIST of 10,000 pairs: built from its sources, and what each kind of fusion makes of it."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from configs.networks import NetworksConfig
from trainers.comparison.paired import mcnemar
from trainers.fusion import early
from trainers.fusion.late_task import LateMethod
from trainers.fusion.networks import fit_alone, fit_joint
from trainers.tasks import avmnist

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CONFIG = NetworksConfig(dropout=0.1)


def test_the_data_set_is_built_the_same_twice_and_no_source_is_in_two_splits(
    test_data: Path, tmp_path: Path, figures
) -> None:
    files = [tmp_path / "first.npz", tmp_path / "second.npz"]
    for file in files:
        words = ["-m", "trainers.tasks.avmnist", str(test_data / "fusion"), str(file)]
        subprocess.run([sys.executable, *words], check=True)
    assert files[0].read_bytes() == files[1].read_bytes()
    with np.load(files[0], allow_pickle=False) as file:
        ids = {
            name: [one.split("-") for one in file[f"ids_{name}"]]
            for name in ("train", "val", "test")
        }
    for part in (0, 1):
        parts = [{one[part] for one in pairs} for pairs in ids.values()]
        assert sum(map(len, parts)) == len(set.union(*parts))
    figures(bytes=files[0].stat().st_size, pairs=str([len(one) for one in ids.values()]))


def test_fusion_is_worth_what_it_is_worth(test_data: Path, figures) -> None:
    task = avmnist.load(test_data / "fusion")
    test = task.splits["test"]
    right: dict[str, np.ndarray] = {}
    began = time.process_time()

    def note(name: str, make: Callable):
        method = make()
        right[name] = method.scores(test).argmax(axis=1) == test.labels
        figures(**{name: f"{100 * right[name].mean():.1f} %"})
        return method

    singles = [note(n, lambda n=n: fit_alone(task, CONFIG, 0, n)) for n in ("image", "audio")]
    evenly = np.full(2, 0.5)
    note("late_mean", lambda: LateMethod(singles, "mean", evenly, True))
    note("late_product", lambda: LateMethod(singles, "product", evenly, True))
    note("early", lambda: early.fit(task, CONFIG, 0))
    note("joint", lambda: fit_joint(task, CONFIG, 0, "concat"))
    seconds = time.process_time() - began
    figures(cpu_seconds_so_far=seconds)
    note("tensor", lambda: fit_joint(task, CONFIG, 0, "tensor"))
    note("low_rank", lambda: fit_joint(task, CONFIG, 0, "low_rank"))
    accuracy = {name: one.mean() for name, one in right.items()}
    best = max(("image", "audio"), key=lambda name: accuracy[name])
    for name in ("early", "joint", "tensor", "low_rank"):
        assert accuracy[name] >= accuracy[best] + 0.15, name
        assert mcnemar(right[name], right[best]) < 0.01
    assert 0.6 <= accuracy["image"] <= 0.7
    assert 0.6 <= accuracy["audio"] <= 0.7
    assert accuracy["joint"] >= 0.86
    assert accuracy["early"] >= 0.86
    assert accuracy["late_product"] >= 0.82
    assert seconds <= 240
