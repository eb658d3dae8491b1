"""Clips of a manifest."""

from shards.manifest import Manifest
from trainers.evaluation.clips import list_clips


def test_every_sample_is_a_clip_with_times_in_seconds(little) -> None:
    clips = list_clips(Manifest.load(str(little.shards)))
    assert len(clips) == len({clip.key for clip in clips}) == 48
    second = clips[1]
    assert (second.video_id, second.start_s, second.end_s) == ("v0", 3.2, 6.4)
    assert second.caption == "stir the pot"
    assert [clip.split for clip in clips].count("test") == 12
