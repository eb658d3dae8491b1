"""Tests of trainers/tasks/shapes_scene.py and shapes_query.py."""

from pathlib import Path

import numpy as np
import pytest

from trainers.tasks.shapes_query import answers, parse
from trainers.tasks.shapes_scene import EMPTY, read_scenes


def test_scenes_and_queries_give_all_2752_labels(test_data: Path) -> None:
    folder = test_data / "fusion" / "shapes_nmn"
    right = total = 0
    for part in ("train.tiny", "train.small", "val", "test"):
        pictures = np.load(folder / f"{part}.input.npy", allow_pickle=False)
        shapes, colours = read_scenes(pictures)
        queries = (folder / f"{part}.query").read_text().splitlines()
        labels = (folder / f"{part}.output").read_text().split()
        for row, (query, label) in enumerate(zip(queries, labels, strict=True)):
            told = answers(query, shapes[row : row + 1], colours[row : row + 1])[0]
            right += told == (label == "true")
            total += 1
    assert (right, total) == (2752, 2752)


def test_a_move_does_not_wrap_around() -> None:
    shapes = np.full((1, 9), EMPTY)
    shapes[0, 0], shapes[0, 8] = 1, 0
    assert not answers("(is circle (left_of square))", shapes, shapes)[0]
    shapes[0, 1] = 0
    assert answers("(is circle (right_of square))", shapes, shapes)[0]


@pytest.mark.parametrize("query", ["(is red", "(is red red) red", ""])
def test_a_torn_query_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="one whole expression"):
        parse(query)


def test_pictures_of_another_layout_are_refused() -> None:
    with pytest.raises(ValueError, match="pictures must be uint8"):
        read_scenes(np.zeros((2, 31, 31, 3), np.uint8))
