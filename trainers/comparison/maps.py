"""A task's test examples in a plane: principal components of each modality, and of all.

The plane is found on the train split, without labels; colours are added after. What lies apart
here is easy to tell apart; what does not may still be told apart in other directions.

Shape letters in this file:
    R  rows: examples, or positions of them    F  columns
"""

from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from trainers.fusion.rows import RowMaker, draw_rows, known_rows
from trainers.tasks.task import Task

MOST_POINTS = 400
ALL = "all"


def maps_of(task: Task) -> dict[str, list[list[float]]]:
    """Return `[x, y, class]` of test examples by modality, at most 400; nothing of scores."""
    if not task.classes:
        return {}
    train, test = task.splits["train"], task.splits["test"]
    maker = RowMaker.of(train)
    learned, shown = known_rows(train), draw_rows(test, known_rows(test), MOST_POINTS, seed=0)
    label_R = test.labels.ravel()[shown]
    train_RF, test_RF = maker(train), maker(test)
    if len(train_RF) > 1:
        train_RF[ALL] = np.concatenate(list(train_RF.values()), axis=1)
        test_RF[ALL] = np.concatenate(list(test_RF.values()), axis=1)
    found: dict[str, list[list[float]]] = {}
    for name, row_RF in train_RF.items():
        if row_RF.shape[1] >= 2 and len(learned) >= 2:
            plane = PCA(2, svd_solver="covariance_eigh").fit(row_RF[learned])
            found[name] = _points(plane.transform(test_RF[name][shown]), label_R)
    return found


def _points(place_R2: np.ndarray, label_R: np.ndarray) -> list[Any]:
    return [
        [round(float(x), 4), round(float(y), 4), int(c)]
        for (x, y), c in zip(place_R2, label_R, strict=True)
    ]
