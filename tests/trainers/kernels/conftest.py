"""Digits seen in six ways."""

from pathlib import Path

import numpy as np
import pytest

VIEWS = ("fou", "fac", "kar", "pix", "zer", "mor")


@pytest.fixture(scope="session")
def mfeat(test_data: Path) -> dict[str, np.ndarray]:
    """The views of 2,000 digits, shuffled once, in standard units, and `label`."""
    folder = test_data / "fusion" / "mfeat"
    tables = {v: np.loadtxt(folder / f"mfeat-{v}.csv", delimiter=",", skiprows=1) for v in VIEWS}
    rows = np.random.default_rng(0).permutation(2000)
    told = {view: table[rows, :-1] for view, table in tables.items()}
    views = {v: (x - x[:500].mean(axis=0)) / x[:500].std(axis=0) for v, x in told.items()}
    return {**views, "label": tables["fou"][rows, -1].astype(np.int64)}
