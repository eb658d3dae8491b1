"""Tests of trainers/tasks/mfeat.py."""

from pathlib import Path

import numpy as np
import pytest

from trainers.tasks import mfeat
from trainers.tasks.task import UNLABELLED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two views of 2,000 rows, in which a row's number can be read."""
    labels = np.repeat(np.arange(10), 200)
    for view, sign in (("fou", 1), ("pix", -1)):
        rows = [f"{sign * i},{sign * i + 0.5},{label}" for i, label in enumerate(labels)]
        (tmp_path / f"mfeat-{view}.csv").write_text("\n".join(["0,1,0", *rows]))
    return tmp_path


def test_the_views_of_a_digit_stay_together(folder: Path) -> None:
    task = mfeat.load(folder, ("fou", "pix"))
    seen = []
    for split in task.splits.values():
        fou, pix = (split.modalities[v].values_NTC for v in ("fou", "pix"))
        assert np.array_equal(fou[:, 0, 0], -pix[:, 0, 0])
        assert split.ids == tuple(f"{int(row):04d}" for row in fou[:, 0, 0])
        assert np.array_equal(split.labels, fou[:, 0, 0] // 200)
        seen += split.ids
    assert [len(s.ids) for s in task.splits.values()] == [1200, 200, 600]
    assert len(set(seen)) == 2000


def test_as_many_of_each_class_keep_their_label_and_the_seed_says_which(folder: Path) -> None:
    one, again, other = (mfeat.load(folder, ("fou",), 50, seed) for seed in (1, 1, 2))
    labels = one.splits["train"].labels
    assert np.bincount(labels[labels != UNLABELLED]).tolist() == [5] * 10
    assert np.array_equal(labels, again.splits["train"].labels)
    assert not np.array_equal(labels, other.splits["train"].labels)
    assert one.splits["train"].ids == other.splits["train"].ids
    assert (one.splits["val"].labels != UNLABELLED).all()
    with pytest.raises(ValueError, match="multiple of 10 up to 1200, got 55"):
        mfeat.load(folder, ("fou",), 55)


def test_views_that_are_no_pairs_are_refused(folder: Path) -> None:
    path = folder / "mfeat-pix.csv"
    path.write_text(path.read_text().replace("-5,-4.5,0", "-5,-4.5,1"))
    with pytest.raises(ValueError, match="same label in each row"):
        mfeat.load(folder, ("fou", "pix"))


def test_the_real_files_have_the_published_widths(test_data: Path) -> None:
    widths = {"fou": 76, "fac": 216, "kar": 64, "pix": 240, "zer": 47, "mor": 6}
    task = mfeat.load(test_data / "fusion" / "mfeat", tuple(widths))
    test = task.splits["test"].modalities
    assert {view: s.values_NTC.shape for view, s in test.items()} == {
        view: (600, 1, width) for view, width in widths.items()
    }
