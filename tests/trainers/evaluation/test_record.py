"""Files of an evaluation."""

from pathlib import Path

import numpy as np
import pytest

from trainers.evaluation.clips import Clip
from trainers.evaluation.embed import Features
from trainers.evaluation.record import append_line, read_evaluations, write_features, write_json


def test_the_newest_line_of_a_step_counts_and_a_torn_one_costs_nothing_else(
    tmp_path: Path,
) -> None:
    path = tmp_path / "evaluations.jsonl"
    append_line(path, "beside", 20, {"eval/t2v_r1": 0.5})
    with path.open("a") as file:
        file.write('{"step": 10, "by": "besi')
    append_line(path, "beside", 10, {"eval/t2v_r1": 0.25})
    append_line(path, "beside", 20, {"eval/t2v_r1": 1 / 3})
    append_line(path, "evaluate", 20, {"eval/t2v_r1": 0.75})
    assert read_evaluations(path, "beside") == [
        {"step": 10, "by": "beside", "eval/t2v_r1": 0.25},
        {"step": 20, "by": "beside", "eval/t2v_r1": 1 / 3},
    ]


def test_features_are_read_back_without_pickle(tmp_path: Path) -> None:
    clips = [
        Clip(f"k{n}", "v\N{SNOWMAN}", split, "s", 0, 1, 0.0, 1.0, "")
        for n, split in enumerate(("train", "test", "train"))
    ]
    column = np.arange(3, dtype=np.float32)[:, None]
    paths = write_features(tmp_path, clips, Features(column, column, column + 10, column))
    assert [path.name for path in paths] == ["features_train.npz", "features_test.npz"]
    with np.load(tmp_path / "features_train.npz", allow_pickle=False) as features:
        assert features["keys"].tolist() == ["k0", "k2"]
        assert features["video_ids"].tolist() == ["v\N{SNOWMAN}"] * 2
        assert features["audio"].tolist() == [[10.0], [12.0]]


def test_a_number_that_is_not_finite_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not (tmp_path / "x.json").exists()
