from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.grid import Clock, GridSampler


def resample(pts, time_base, zero_s, slots, end_pts):
    clock = Clock.of(time_base, zero_s, 10)
    sampler = GridSampler(clock, slots)
    chosen = {}
    for at in pts:
        chosen |= {slot: frame for slot, _, frame in sampler.push(clock.ticks(at), at)}
    chosen |= {slot: frame for slot, _, frame in sampler.finish(clock.ticks(end_pts))}
    return chosen, sampler


@given(
    steps=st.lists(st.integers(1, 40), min_size=2, max_size=40),
    den=st.sampled_from([24, 25, 30, 90, 1000, 30_000]),
    num=st.sampled_from([1, 1001]),
    zero=st.integers(0, 5),
)
def test_each_slot_gets_the_nearest_frame_and_a_tie_the_earlier(steps, den, num, zero):
    time_base = Fraction(num, den)
    pts = [sum(steps[:place]) for place in range(len(steps))]
    zero_s = zero * time_base
    slots = list(range(0, 60, 1))
    chosen, _ = resample(pts, time_base, zero_s, slots, pts[-1] + 1)
    end_s = (pts[-1] + 1) * time_base - zero_s
    for slot in slots:
        at_s = Fraction(slot, 10)
        if at_s >= end_s:
            assert slot not in chosen
            continue
        assert chosen[slot] == min(pts, key=lambda one: (abs(one * time_base - zero_s - at_s), one))


def test_a_frame_that_goes_back_in_time_is_left_out():
    chosen, sampler = resample([0, 3, 2, 6], Fraction(1, 30), Fraction(0), [0, 1, 2], 7)
    assert chosen == {0: 0, 1: 3, 2: 6}
    assert sampler.num_backward == 1


def test_a_sampler_is_done_once_the_last_wanted_slot_is_out():
    _, sampler = resample([0, 3, 6], Fraction(1, 30), Fraction(0), [0, 1], 3)
    assert sampler.is_done
