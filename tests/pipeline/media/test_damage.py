"""Damage reaches from the packet that is hurt to the next sound key frame that is shown."""

import av.logging
import av.video.frame
import pytest

from pipeline.media.damage import DamageWatch


class Frame:
    """What the watch looks at of a frame."""

    def __init__(self, pts, *, key_frame=False, is_corrupt=False):
        self.pts, self.key_frame, self.is_corrupt = pts, key_frame, is_corrupt


@pytest.fixture
def watch():
    yield DamageWatch()
    av.logging.set_level(None)


def test_a_sound_source_shows_none(watch):
    frames = [Frame(pts, key_frame=pts % 5 == 0) for pts in range(20)]
    assert not any(watch.judge(frame) for frame in frames)


def test_damage_ends_with_the_next_key_frame(watch):
    watch.mark(3)
    judged = [watch.judge(Frame(pts, key_frame=pts % 5 == 0)) for pts in range(3, 8)]
    assert judged == [True, True, False, False, False]


def test_a_key_frame_shown_before_the_damaged_packet_ends_nothing(watch):
    """Packets go in ahead of the frames that come out: the key frame of PTS 5 was still inside."""
    watch.mark(7)
    judged = [watch.judge(Frame(pts, key_frame=pts % 5 == 0)) for pts in range(5, 12)]
    assert judged == [True] * 5 + [False, False]


def test_a_damaged_key_frame_does_not_end_its_own_damage(watch):
    watch.mark(5)
    assert watch.judge(Frame(5, key_frame=True)) and watch.judge(Frame(6))
    assert not watch.judge(Frame(10, key_frame=True))


def test_a_frame_that_the_decoder_calls_corrupt_starts_it(watch):
    assert watch.judge(Frame(2, is_corrupt=True)) and watch.judge(Frame(3))
    assert watch.judge(Frame(5, key_frame=True, is_corrupt=True)) and watch.judge(Frame(6))
    assert not watch.judge(Frame(10, key_frame=True))


def test_frames_without_times_are_judged_by_their_order(watch):
    watch.mark(None)
    assert watch.judge(Frame(None)) and not watch.judge(Frame(None, key_frame=True))


def test_each_complaint_of_ffmpeg_is_noticed_once_and_printed_never(watch, capfd):
    assert not watch.has_complaint()
    av.logging.log(av.logging.ERROR, "h264", "error while decoding MB 1 2")
    assert watch.has_complaint() and not watch.has_complaint()
    av.logging.log(av.logging.WARNING, "h264", "a matter of taste")
    assert not watch.has_complaint()
    assert capfd.readouterr() == ("", "")
