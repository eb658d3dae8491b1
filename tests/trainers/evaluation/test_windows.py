"""Which stored clips stand for the windows of a row."""

import numpy as np
import pytest

from trainers.evaluation.clips import Clip
from trainers.evaluation.listings import Row
from trainers.evaluation.windows import choose_windows, clips_by_video


def clip(start_s: float, video: str = "v") -> Clip:
    return Clip(
        f"{video}-{start_s}", video, "train", "s", 0, 1, start_s, round(start_s + 3.2, 3), ""
    )


def test_ten_windows_between_start_and_the_guard_before_the_end() -> None:
    wanted = np.linspace(47.0, 60.0 - 3.2 - 0.4, 10)
    stored = [clip(round(round(start_s * 10) / 10, 1)) for start_s in wanted]
    found = choose_windows(Row("v", "v", "", (47.0, 60.0)), stored, 10)
    assert found.clips == stored
    assert found.counts == [1] * 10
    assert found.lost == 0


def test_windows_that_begin_alike_count_as_often_as_they_are_taken() -> None:
    short = choose_windows(Row("v", "v", "", (5.0, 7.0)), [clip(5.0)], 10)
    assert short.counts == [10]
    few = choose_windows(Row("v", "v", "", (5.0, 8.8)), [clip(5.0), clip(5.1), clip(5.2)], 10)
    assert few.counts == [3, 4, 3]


def test_a_window_past_the_end_of_the_video_is_lost_and_counted() -> None:
    wanted = np.linspace(0.0, 10.0 - 3.6, 5)
    stored = [clip(round(start_s, 1)) for start_s in wanted[:3]]
    found = choose_windows(Row("v", "v", "", (0.0, 10.0)), stored, 5)
    assert (found.counts, found.lost) == ([1, 1, 1], 2)


def test_a_row_about_a_whole_video_takes_all_its_windows() -> None:
    found = choose_windows(Row("v", "v"), [clip(0.0), clip(1.0)], 10)
    assert (found.counts, found.lost) == ([1, 1], 0)


def test_a_row_without_clips_has_no_windows() -> None:
    assert choose_windows(Row("v", "v"), [], 10).clips == []


def test_clips_of_a_video_come_in_order_of_time() -> None:
    clips = [clip(3.0), clip(1.0, "w"), clip(0.5)]
    by_video = clips_by_video(clips)
    assert [c.start_s for c in by_video["v"]] == pytest.approx([0.5, 3.0])
    assert list(by_video) == ["v", "w"]
