"""CrossTask's files and the recall of its steps."""

from pathlib import Path

import numpy as np
import pytest

from configs.probes import StepsConfig
from trainers.evaluation.clips import Clip
from trainers.evaluation.crosstask import (
    Annotation,
    Count,
    count_video,
    measure_steps,
    read_annotations,
    read_tasks,
    seconds_of,
)
from trainers.evaluation.team import Team

TASKS = """23521
Make Jello Shots
https://www.wikihow.com/Make-Jello-Shots
3
pour water,stir mixture,pour alcohol

53193
Make a Latte
https://www.wikihow.com/Make-a-Latte
2
add coffee,press coffee
"""


@pytest.fixture
def files(tmp_path: Path) -> StepsConfig:
    (tmp_path / "tasks_primary.txt").write_text(TASKS)
    annotations = tmp_path / "annotations"
    annotations.mkdir()
    (annotations / "23521_a_b.csv").write_text("1,0.5,2.2\n3,4.0,5.5\n1,8,9\n")
    (annotations / "23521_gone.csv").write_text("2,1,2\n")
    (annotations / "53193_c.csv").write_text("2,3,5\n")
    (annotations / "53193_empty.csv").write_text("")
    (annotations / "99999_other.csv").write_text("not read\n")
    return StepsConfig(
        tasks=str(tmp_path / "tasks_primary.txt"),
        annotations=str(annotations),
        shards=str(tmp_path / "shards"),
    )


def test_files_are_read_as_published(files: StepsConfig) -> None:
    tasks = read_tasks(Path(files.tasks))
    assert tasks["23521"] == ["pour water", "stir mixture", "pour alcohol"]
    annotations = read_annotations(Path(files.annotations), tasks)
    assert [(a.task, a.video_id) for a in annotations] == [
        ("23521", "a_b"),
        ("23521", "gone"),
        ("53193", "c"),
    ]
    assert annotations[0].spans == [(0, 0, 3), (2, 4, 6), (0, 8, 9)]


def test_a_step_is_found_in_any_of_its_spans_and_counts_once() -> None:
    annotation = Annotation("t", "v", [(0, 7, 9), (2, 4, 6), (0, 8, 9)])
    scores_TK = np.full((10, 3), -9.0)
    scores_TK[8, 0] = scores_TK[9, 1] = scores_TK[5, 2] = 0.0
    count = Count()
    count_video(count, annotation, range(10), scores_TK)
    assert (count.annotated, count.any_order) == (2, 2)
    assert count.in_order == 1


def test_a_video_with_fewer_seconds_than_steps_has_none_found() -> None:
    count = Count()
    count_video(count, Annotation("t", "v", [(0, 0, 9)]), [1, 2], np.zeros((2, 3)))
    assert count == Count(annotated=1)


def test_recall_is_the_mean_over_tasks(
    files: StepsConfig, team: Team, make_listed, caplog: pytest.LogCaptureFixture
) -> None:
    seconds = [float(second) for second in range(12)]
    make_listed(Path(files.shards), {"a_b": seconds, "c": seconds[:1], "unknown": seconds[:2]})
    found = measure_steps(files, team)
    record = found.files["steps"]
    assert (record["tasks"], record["videos"], record["missing"]) == (2, 2, ["gone"])
    assert record["videos_too_short"] == ["c"]
    by_task = record["by_task"]
    assert by_task["53193"] == {"annotated": 1, "in_order": 0, "any_order": 0}
    assert by_task["23521"]["annotated"] == 2
    for way, key in (
        ("in_order", "eval/steps_recall"),
        ("any_order", "eval/steps_recall_any_order"),
    ):
        assert found.figures[key] == by_task["23521"][way] / 2 / 2
    assert "1 of 3 annotated videos" in caplog.text


def test_a_clip_stands_for_the_second_of_its_middle_and_two_may_not_share_one() -> None:
    def clip(start_s: float) -> Clip:
        return Clip("k", "v", "train", "s", 0, 1, start_s, start_s + 3.2, "")

    assert seconds_of([clip(0.0), clip(1.0), clip(3.0)]) == [1, 2, 4]
    with pytest.raises(ValueError, match=r"clips.stride_s 1"):
        seconds_of([clip(0.0), clip(0.3)])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("annotations/23521_x.csv", "4,1,2\n", "23521_x.csv:1: step must be 1 to 3"),
        ("annotations/23521_x.csv", "1,2,2\n", "end above start"),
        ("annotations/23521_x.csv", "one,2,3\n", "must be step,start,end"),
        ("annotations/23521_x.csv", "1,nan,3\n", "must be step,start,end"),
        ("tasks_primary.txt", "1\nTitle\nURL\n3\na,b\n", "so many steps"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(
    files: StepsConfig, tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=said):
        read_annotations(Path(files.annotations), read_tasks(Path(files.tasks)))


def test_shards_of_other_videos_are_refused(files: StepsConfig, team: Team, little) -> None:
    config = files.model_copy(update={"shards": str(little.shards)})
    with pytest.raises(ValueError, match="none of 3"):
        measure_steps(config, team)
