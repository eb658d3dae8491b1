"""Frames that a decoder hands out a little out of order come out in order."""

import random

from pipeline.media.order import WINDOW, InOrder


def run(times):
    order: InOrder[str] = InOrder()
    found = [pair for time in times for pair in order.push(time, f"frame {time}")]
    return [*found, *order.finish()]


def test_frames_in_order_stay_so():
    assert run(range(20)) == [(time, f"frame {time}") for time in range(20)]


def test_two_levels_of_b_frames_are_put_in_order():
    decoded = [0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11]
    assert [time for time, _ in run(decoded)] == sorted(decoded)


def test_any_disorder_within_the_window_is_mended():
    chance = random.Random(7)
    late = sorted(range(200), key=lambda time: time + chance.uniform(0, WINDOW))
    assert late != list(range(200))
    assert [time for time, _ in run(late)] == list(range(200))


def test_no_more_frames_are_held_than_the_window():
    order: InOrder[None] = InOrder()
    num_out = 0
    for time in range(50):
        num_out += len(list(order.push(time, None)))
        assert time + 1 - num_out <= WINDOW


def test_frames_of_one_time_keep_their_order():
    order: InOrder[str] = InOrder()
    assert [*order.push(1, "a"), *order.push(1, "b"), *order.finish()] == [(1, "a"), (1, "b")]
