"""Which clips are asked for, and which are labelled."""

import json
from pathlib import Path

import pytest

from configs.fusion import EvaluationConfig
from trainers.evaluation.clips import Clip
from trainers.evaluation.selection import select


def clip(video: str, split: str, start_s: float = 0.0) -> Clip:
    return Clip(
        f"{video}-{start_s}", video, split, "s", 0, 1, start_s, start_s + 3.0, f"of {video}"
    )


CLIPS = [clip("a", "train"), clip("b", "val"), clip("c", "test"), clip("c", "test", 3.0)]


def spans(folder: Path, *rows: dict) -> str:
    path = folder / "spans.jsonl"
    path.write_text("".join(json.dumps({"start_s": 0, "end_s": 3} | row) + "\n" for row in rows))
    return str(path)


def config(**values: object) -> EvaluationConfig:
    return EvaluationConfig.model_validate(values)


def test_without_truth_the_clips_of_the_split_ask_with_their_nearest_window() -> None:
    selection = select(config(), CLIPS)
    assert selection.clips == selection.retrieval.clips == CLIPS[2:]
    assert selection.retrieval.queries == ["of c", "of c"]
    assert selection.fusion is None


def test_a_clip_that_shows_no_span_is_left_out_and_counted(tmp_path: Path) -> None:
    path = spans(tmp_path, {"video_id": "c", "sentence": "chop"})
    selection = select(config(retrieval={"queries": path}), CLIPS)
    assert selection.retrieval.clips == [CLIPS[2]]
    assert selection.retrieval.queries == ["chop"]
    assert selection.retrieval.num_without_query == 1


def test_labels_of_all_splits_are_selected_and_numbered_in_one_order(tmp_path: Path) -> None:
    path = spans(
        tmp_path,
        {"video_id": "a", "label": 10, "factors": {"video": 1}},
        {"video_id": "b", "label": 2, "factors": {"video": 0}},
        {"video_id": "c", "label": 10, "factors": {"video": 1, "audio": 0}},
    )
    selection = select(config(fusion={"labels": path}), CLIPS)
    assert selection.clips == CLIPS
    assert selection.fusion.classes == [2, 10]
    assert {split: x.tolist() for split, x in selection.fusion.labels.items()} == {
        "train": [1], "val": [0], "test": [1]
    }  # fmt: skip
    assert selection.fusion.test_factors == {"video": [1], "audio": [0]}


@pytest.mark.parametrize("missing", ["a", "b", "c"])
def test_a_split_without_labels_is_an_error_that_names_it(tmp_path: Path, missing: str) -> None:
    path = spans(tmp_path, *({"video_id": v, "label": 1} for v in "abc" if v != missing))
    split = {"a": "train", "b": "val", "c": "test"}[missing]
    with pytest.raises(ValueError, match=f"none of {split}"):
        select(config(fusion={"labels": path}), CLIPS)


def test_one_label_is_no_task(tmp_path: Path) -> None:
    path = spans(tmp_path, *({"video_id": v, "label": 1} for v in "abc"))
    with pytest.raises(ValueError, match="at least two labels"):
        select(config(fusion={"labels": path}), CLIPS)


def test_an_empty_split_names_the_setting_and_the_splits_that_have_clips() -> None:
    with pytest.raises(ValueError, match=r"shards\.test_share.*\['train', 'val'\]"):
        select(config(), CLIPS[:2])
    with pytest.raises(ValueError, match=r"the train split.*\['val'\]"):
        select(config(retrieval={"split": "train"}), [CLIPS[1]])


def test_queries_of_other_videos_are_an_error(tmp_path: Path) -> None:
    path = spans(tmp_path, {"video_id": "elsewhere", "sentence": "chop"})
    with pytest.raises(ValueError, match="video ids must be those of the shards"):
        select(config(retrieval={"queries": path}), CLIPS)
