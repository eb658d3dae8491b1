"""Right windows, counted against true cues."""

from pathlib import Path

import pytest

from shards.schema import Window
from trainers.evaluation.alignment import TrueCue, count_alignment, read_cues, right_ranks
from trainers.evaluation.clips import Clip
from trainers.evaluation.spans import Span


def clip(start_s: float) -> Clip:
    return Clip("k", "v", "test", "s", 0, 1, start_s, start_s + 3.2, "")


def windows(*spans_s: tuple[float, float]) -> tuple[Window, ...]:
    return tuple(Window(i, start_s, end_s, "") for i, (start_s, end_s) in enumerate(spans_s))


CUES = [
    TrueCue("v", 0.0, 2.0, "a", 0),
    TrueCue("v", 2.0, 4.0, "b", None),
    TrueCue("v", 4.0, 8.0, "c", 1),
    TrueCue("w", 0.0, 9.0, "d", 1),
]


def test_the_rank_is_that_of_the_first_window_whose_cue_describes_the_step() -> None:
    bag = windows((2.1, 3.9), (4.0, 5.9), (0.0, 2.0))
    shown = [Span("v", 0, 3, step=step) for step in (0, 1, 2)]
    assert right_ranks([clip(0)] * 3, [bag] * 3, shown, CUES) == [3, 2, None]


def test_a_piece_of_a_split_cue_belongs_to_that_cue() -> None:
    bag = windows((6.0, 8.0))
    assert right_ranks([clip(5)], [bag], [Span("v", 4, 8, step=1)], CUES) == [1]


def test_chit_chat_describes_no_step_and_another_video_says_nothing() -> None:
    bag = windows((2.1, 3.9), (8.5, 9.0))
    assert right_ranks([clip(2)], [bag], [Span("v", 2, 4, step=1)], CUES) == [None]


def test_clips_without_a_true_step_are_left_out() -> None:
    bag = windows((0.0, 2.0))
    assert right_ranks([clip(0)] * 2, [bag] * 2, [None, Span("v", 0, 2)], CUES) == []


def test_shares_are_of_all_clips_and_grow_with_k() -> None:
    counted = count_alignment([1, 3, None, 1], 3)
    assert counted == {
        "clips": 4, "nearest_right": 0.5, "right_within_k": {"1": 0.5, "2": 0.5, "3": 0.75}
    }  # fmt: skip


def test_cues_are_read_and_a_bad_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cues.jsonl"
    good = '{"video_id":"v","start_s":0,"end_s":1,"text":"a","step":null}\n'
    path.write_text(good)
    assert read_cues(path) == [TrueCue("v", 0.0, 1.0, "a", None)]
    path.write_text(good + '{"video_id":"v","start_s":0,"end_s":1,"text":"a","step":"x"}\n')
    with pytest.raises(ValueError, match=r"cues\.jsonl:2: a cue must have"):
        read_cues(path)
