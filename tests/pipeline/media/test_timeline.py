"""The clock of a joined broadcast goes on; other clocks are left alone."""

from fractions import Fraction
from types import SimpleNamespace

import av
import pytest

from pipeline.media.timeline import Timeline

BASE = Fraction(1, 90_000)
FRAME = 3600  # 1/25 s


def packet(dts, stream=0, duration=FRAME):
    return SimpleNamespace(
        dts=dts, pts=None if dts is None else dts + 2 * FRAME, stream_index=stream,
        time_base=BASE, duration=duration,
    )  # fmt: skip


def timeline(*, may_jump=True):
    flags = av.format.Flags.ts_discont.value if may_jump else 0
    return Timeline(SimpleNamespace(format=SimpleNamespace(flags=flags)))


def mended(line, packets):
    for one in packets:
        line.mend(one)
    return [one.dts for one in packets]


def test_a_clock_that_runs_is_not_touched():
    line = timeline()
    assert mended(line, [packet(k * FRAME) for k in range(50)]) == [k * FRAME for k in range(50)]
    assert line.num_jumps == 0


def test_a_clock_that_starts_anew_goes_on_where_it_was():
    line = timeline()
    packets = [packet(k % 50 * FRAME) for k in range(150)]
    assert mended(line, packets) == [k * FRAME for k in range(150)]
    assert packets[70].pts == 72 * FRAME
    assert line.num_jumps == 2


def test_a_step_of_more_than_ten_seconds_is_a_jump_and_less_is_a_gap():
    for gap_s, is_jump in ((9, False), (20, True)):
        line = timeline()
        later = FRAME + gap_s * 90_000
        assert mended(line, [packet(0), packet(later)])[1] == (FRAME if is_jump else later)
        assert line.num_jumps == is_jump


def test_jitter_backwards_is_no_jump():
    line = timeline()
    assert mended(line, [packet(9000), packet(5000)]) == [9000, 5000]
    assert line.num_jumps == 0


def test_picture_and_sound_jump_together():
    """Of the second piece the sound comes first, then a late picture of the first piece."""
    line = timeline()
    order = [(0, 0), (0, 1), (FRAME, 0), (FRAME, 1), (2 * FRAME, 1)]  # (dts, stream)
    second = [(300, 1), (2 * FRAME, 0), (0, 0), (300 + FRAME, 1), (FRAME, 0)]
    assert mended(line, [packet(dts + 90_000_000, stream) for dts, stream in order])
    dts = mended(line, [packet(dts, stream) for dts, stream in second[:1]])
    late = packet(2 * FRAME + 90_000_000, 0)
    line.mend(late)
    assert late.dts == 2 * FRAME + 90_000_000
    rest = [packet(dts, stream) for dts, stream in second[2:]]
    first_sound, picture = dts[0], mended(line, rest)[0]
    assert first_sound - picture == 300
    assert line.num_jumps == 1


def test_a_container_whose_clock_is_one_is_left_alone():
    packets = [packet(90_000 * 60), packet(0)]
    line = timeline(may_jump=False)
    assert mended(line, packets) == [90_000 * 60, 0] and line.num_jumps == 0


@pytest.mark.parametrize("dts", [None])
def test_a_packet_without_a_time_stays_without(dts):
    one = packet(dts)
    timeline().mend(one)
    assert one.dts is None
