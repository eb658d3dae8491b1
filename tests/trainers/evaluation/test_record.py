"""Files of an evaluation."""

import json
from pathlib import Path

import numpy as np
import pytest

from trainers.evaluation.clips import Clip
from trainers.evaluation.embed import Features
from trainers.evaluation.record import replace_evaluation_line, write_features, write_json


def test_an_earlier_evaluation_line_is_replaced_and_others_keep_every_digit(
    tmp_path: Path,
) -> None:
    path = tmp_path / "metrics.jsonl"
    loss = 0.1 + 0.2
    path.write_text(
        json.dumps({"step": 1, "train/loss": loss})
        + '\n{"step": 1, "eval/t2v_r1": 0.5}\n{"step": 2, "val/loss": 1.5}\n'
    )
    replace_evaluation_line(path, 2, {"eval/t2v_r1": 1 / 3})
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {"step": 1, "train/loss": loss},
        {"step": 2, "val/loss": 1.5},
        {"step": 2, "eval/t2v_r1": 1 / 3},
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
