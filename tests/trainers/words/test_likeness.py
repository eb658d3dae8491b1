"""Tests of trainers/words/likeness.py."""

from pathlib import Path

import numpy as np
import pytest

from trainers.words.likeness import Likeness, cosines, likeness, read_judged
from trainers.words.vectors import Vectors

VECTORS = Vectors(tuple("abcd"), np.array([[1, 0], [2, 2], [0, 3], [0, 0]]))


def test_cosines_of_pairs() -> None:
    found = cosines(VECTORS, [("a", "b"), ("a", "c"), ("c", "d")])
    assert found == pytest.approx([0.5**0.5, 0, 0])


def test_ranks_are_compared_where_both_words_are_known(tmp_path: Path) -> None:
    (tmp_path / "set.txt").write_text("A\tb\t7\na c 1\n\nb zzz 9\na a 10\n")
    assert likeness(VECTORS, read_judged(tmp_path / "set.txt")) == Likeness(1.0, 3, 4)
    with pytest.raises(ValueError, match="3 pairs with vectors, got 1"):
        likeness(VECTORS, [("a", "b", 1.0), ("x", "y", 2.0)])
