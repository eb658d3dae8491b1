import pytest

from configs.clips import ClipsConfig
from pipeline.media.errors import MediaError
from pipeline.tasks import clips as clips_module
from pipeline.tasks.clips import slot_ms
from shards.schema import Window

CLIPS = ClipsConfig()


def plan_clips(spoken, duration_s, clips, longest_s=43_200.0):
    return clips_module.plan_clips(spoken, duration_s, clips, longest_s)


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
