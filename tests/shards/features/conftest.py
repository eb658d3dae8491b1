"""Features of four clips, one of them without sound."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from shards.features.table import ABOUT, features_table


def make_table(first: int = 0, count: int = 4) -> pa.Table:
    numbers = range(first, first + count)
    about = pa.Table.from_pylist(
        [
            {
                "key": f"{number:016x}_{number:09d}",
                "video_id": f"v{number // 2}",
                "split": "val" if number % 2 else "train",
                "t0_ms": 3200 * number,
                "t1_ms": 3200 * (number + 1),
                "caption": f"step {number}",
            }
            for number in numbers
        ],
        schema=ABOUT,
    )
    rows = np.array([[number, number + 0.5, -number] for number in numbers], np.float32)
    heard = np.array([number != 1 for number in numbers])
    return features_table(about, {"embedding": rows, "audio": rows[:, :2]}, {"audio": heard})


@pytest.fixture
def table() -> pa.Table:
    return make_table()


@pytest.fixture
def tables() -> Callable[..., pa.Table]:
    """What makes such a table of `count` clips from number `first` on."""
    return make_table


@pytest.fixture
def plan() -> dict[str, Any]:
    return {"schema": 1, "format": "parquet", "run": "runs/little", "step": 7}
