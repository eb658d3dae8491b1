import pytest

from pipeline.reports.axis import axis_of, clock, lanes_of
from shards.schema import Sample, Window


def test_an_axis_holds_the_clip_and_all_its_windows():
    windows = (Window(1, 9.0, 11.0, "near"), Window(0, 2.0, 4.0, "early"))
    axis = axis_of(windows, 10.0, 13.2)
    assert axis.start_s < 2.0 and axis.end_s > 13.2
    lanes = lanes_of(Sample({}, b"", "", windows), axis)
    assert [(lane.window.text, lane.place) for lane in lanes] == [("early", 1), ("near", 0)]
    assert all(0 <= lane.left <= lane.left + lane.width <= 100 for lane in lanes)
    assert lanes[1].left == pytest.approx(axis.at(9.0))


def test_ticks_stand_at_round_seconds_and_are_few():
    for span_s in (3.2, 17.0, 100.0, 4000.0, 40_000.0):
        ticks = axis_of((), 5.0, 5.0 + span_s).ticks()
        assert 1 <= len(ticks) <= 8
        assert all(0 <= left < 97 for left, _ in ticks)


def test_an_axis_does_not_begin_before_the_video():
    assert axis_of((), 0.0, 3.2).start_s == 0.0


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.9, "1:01"), (3723, "1:02:03")])
def test_a_clock_shows_hours_where_there_are_any(seconds, text):
    assert clock(seconds) == text
