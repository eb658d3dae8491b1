"""Features of a run as a task: from an evaluation, or from an embedded collection."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from shards.features.folder import SCHEMA, claim, seal, write_part
from shards.features.table import ABOUT, features_table
from trainers.tasks.features import load

KEYS = [f"clip{row}" for row in range(9)]
SPLITS = ["train"] * 4 + ["val"] * 2 + ["test"] * 3
X = {
    name: np.arange(9 * width, dtype=np.float32).reshape(9, width) + width
    for name, width in (("video", 3), ("audio", 2), ("text", 4), ("joint_text", 5))
}


def write_labels(folder: Path, **labels: int) -> None:
    told = labels or {key: row % 2 for row, key in enumerate(KEYS) if key != "clip1"}
    (folder / "labels.json").write_text(json.dumps({"classes": ["a", "b"], "labels": told}))


@pytest.fixture
def evaluation(tmp_path: Path) -> Path:
    """What an evaluation leaves: a file a split, and labels of all clips but one."""
    for split in ("train", "val", "test"):
        rows = [row for row in range(9) if SPLITS[row] == split]
        np.savez(
            tmp_path / f"features_{split}.npz",
            keys=np.array([KEYS[row] for row in rows]),
            **{name: x[rows] for name, x in X.items()},
        )
    write_labels(tmp_path)
    return tmp_path


def test_labelled_clips_of_each_split_are_its_examples(evaluation: Path) -> None:
    task = load(evaluation)
    assert task.classes == ("a", "b")
    assert task.splits["train"].ids == ("clip0", "clip2", "clip3")
    assert task.splits["test"].labels.tolist() == [0, 1, 0]
    assert (
        task.splits["val"].modalities["video"].values_NTC.tolist() == X["video"][4:6, None].tolist()
    )


def test_a_modality_takes_its_joint_features_with_it(evaluation: Path) -> None:
    text = load(evaluation).splits["test"].modalities["text"].values_NTC[:, 0]
    assert np.array_equal(text, np.concatenate([X["text"], X["joint_text"]], axis=1)[6:])


@pytest.mark.parametrize("kind", ["parquet", "webdataset"])
def test_an_embedded_collection_gives_the_same_task(
    evaluation: Path, tmp_path: Path, kind: str
) -> None:
    out = str(tmp_path / kind)
    plan = {"format": kind, "schema": SCHEMA}
    claim(out, plan)
    about = pa.table(
        {
            "key": KEYS,
            "video_id": KEYS,
            "split": SPLITS,
            "t0_ms": list(range(9)),
            "t1_ms": list(range(9)),
            "caption": KEYS,
        },
        schema=ABOUT,
    )
    write_part(out, "000000-00", plan, features_table(about, X, {}), {"lost": []})
    seal(out, plan, ["000000-00"], lambda _: {})
    found, told = load(Path(out), evaluation / "labels.json"), load(evaluation)
    for split, one in told.splits.items():
        assert found.splits[split].ids == one.ids
        for name, x in one.modalities.items():
            assert np.array_equal(found.splits[split].modalities[name].values_NTC, x.values_NTC)


def test_labels_of_other_shards_are_refused(evaluation: Path) -> None:
    write_labels(evaluation, stranger=0)
    with pytest.raises(ValueError, match="train split must have labelled clips, got none of its 4"):
        load(evaluation)


def test_an_evaluation_without_labels_says_why(evaluation: Path) -> None:
    (evaluation / "labels.json").write_text(json.dumps({"skipped": "no spans"}))
    with pytest.raises(ValueError, match="got: no spans"):
        load(evaluation)
