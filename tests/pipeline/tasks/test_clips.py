import numpy as np
import pytest

from configs.clips import ClipsConfig
from pipeline.media.errors import MediaError
from pipeline.tasks import clips as clips_module
from pipeline.tasks.clips import Subject, slot_ms
from shards.schema import Window

CLIPS = ClipsConfig()


def plan_clips(spoken, duration_s, clips, longest_s=43_200.0, interval=None, video_id="a"):
    subject = Subject(video_id, duration_s, longest_s, interval)
    return clips_module.plan_clips(spoken, subject, clips)


def windows(*spans):
    return [Window(place, start, end, "w") for place, (start, end) in enumerate(spans)]


def test_a_clip_is_centred_on_its_window():
    assert plan_clips(windows((10.0, 12.0)), 60.0, CLIPS).starts == (94,)


def test_clips_are_moved_inside_the_video_and_shared():
    plan = plan_clips(windows((0.0, 0.5), (0.2, 0.9), (9.6, 9.9)), 10.0, CLIPS)
    assert plan.starts == (0, 68) and plan.past_end == ()


def test_narration_after_the_end_is_planned_and_lost():
    plan = plan_clips(windows((1.0, 2.0), (10.0, 12.0), (50.0, 51.0)), 10.0, CLIPS)
    assert plan.starts == (0,) and len(plan.past_end) == 2 and plan.num_planned == 3
    assert not set(plan.starts) & set(plan.past_end)


def test_a_video_as_long_as_a_clip_gives_one_and_a_shorter_one_none():
    assert plan_clips(windows((0.0, 3.0)), 3.2, CLIPS).starts == (0,)
    with pytest.raises(MediaError, match="E_SHORT"):
        plan_clips(windows((0.0, 3.0)), 3.199, CLIPS)


def test_uniform_clips_stand_at_the_stride():
    clips = ClipsConfig(policy="uniform", stride_s=1.6)
    assert plan_clips(windows((0.0, 1.0)), 8.1, clips).starts == (0, 16, 32, 48)


def test_without_a_duration_the_narration_says_how_far_to_go():
    assert plan_clips(windows((1.0, 2.0), (50.0, 51.0)), None, CLIPS).starts == (0, 478)


def test_without_a_duration_narration_is_believed_up_to_the_longest_video():
    plan = plan_clips(windows((1.0, 2.0), (50.0, 51.0), (9e6, 9e6 + 1)), None, CLIPS, 60.0)
    assert plan.starts == (0, 489) and len(plan.past_end) == 1
    uniform = ClipsConfig(policy="uniform")
    assert len(plan_clips(windows((9e6, 9e6 + 1)), None, uniform, 60.0).starts) == 18


def test_slots_are_whole_milliseconds():
    assert [slot_ms(slot, 10) for slot in (0, 1, 33)] == [0, 100, 3300]
    assert [slot_ms(slot, 30) for slot in (1, 2, 3)] == [33, 67, 100]


def test_a_clip_and_its_margins_lie_inside_the_video():
    clips = ClipsConfig(margin=5)
    spoken = windows((0.0, 1.0), (5.0, 6.0), (9.5, 10.0))
    assert plan_clips(spoken, 10.0, clips).starts == (5, 39, 63)
    uniform = ClipsConfig(policy="uniform", stride_s=1.0, margin=5)
    assert plan_clips(spoken, 6.0, uniform).starts == (5, 15)
    assert plan_clips(spoken, 4.2, clips).starts == (5,)
    with pytest.raises(MediaError, match="E_SHORT.*4.200"):
        plan_clips(spoken, 4.199, clips)


def test_without_windows_uniform_and_linspace_still_cut():
    assert plan_clips([], 6.4, ClipsConfig(policy="uniform")).starts == (0, 32)
    linspace = ClipsConfig(policy="linspace", clips_per_video=5)
    assert plan_clips([], 7.6, linspace).starts == (0, 10, 20, 30, 40)


@pytest.mark.parametrize("interval", [(10.0, 40.0), (12.3, 15.0), (0.0, 3.7), (100.0, 163.25)])
def test_linspace_spreads_as_the_youcook_loader_does(interval):
    start, end = interval
    want = np.linspace(start, max(start, end - 3.2 - 0.4), 10)
    clips = ClipsConfig(policy="linspace", clips_per_video=10)
    plan = plan_clips(windows((0.0, 1.0)), 600.0, clips, interval=interval)
    assert plan.starts == tuple(sorted({round(time * 10) for time in want.tolist()}))
    assert plan.past_end == () and not plan.bags


def test_linspace_past_the_end_is_lost_and_not_black():
    clips = ClipsConfig(policy="linspace", clips_per_video=3)
    plan = plan_clips(windows((0.0, 1.0)), 20.0, clips, interval=(10.0, 40.0))
    assert plan.starts == (100,) and plan.past_end == (232, 364)


def test_reference_draws_keep_their_bag_with_the_drawn_window_first():
    clips = ClipsConfig(policy="milnce_reference", clips_per_video=40, bag_size=5)
    spoken = windows(*((3.0 * place, 3.0 * place + 2.5) for place in range(30)))
    plan = plan_clips(spoken, 60.0, clips)
    assert plan.starts and plan.past_end and max(plan.starts) <= 600 - 32 < min(plan.past_end)
    assert set(plan.bags) == set(plan.starts)
    for start, bag in plan.bags.items():
        assert start % 10 == 0 and len(bag) == 5
        assert sorted(bag) == list(range(min(bag), min(bag) + 5))
        assert abs(spoken[bag[0]].start_s - start / 10) <= 5
    assert plan == plan_clips(spoken, 60.0, clips)
    assert plan != plan_clips(spoken, 60.0, clips, video_id="b")
    other = ClipsConfig(policy="milnce_reference", clips_per_video=40, bag_size=5, seed=1)
    assert plan != plan_clips(spoken, 60.0, other)


@pytest.mark.parametrize("policy", ["milnce_reference", "linspace"])
def test_protocols_of_others_take_no_margin(policy):
    with pytest.raises(ValueError, match="margin must be 0"):
        ClipsConfig(policy=policy, margin=1)
