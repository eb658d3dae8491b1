"""Truth: the weakness of the narration is what it claims to be."""

from dataclasses import replace

import pytest

from pipeline.demo.narrate import SpokenCue, narrate
from pipeline.demo.truth import (
    Planned,
    clip_ranks,
    corpus_summary,
    cue_rows,
    exact_ceiling,
    step_rows,
)
from pipeline.demo.world import build_world


def test_the_nearest_window_is_right_for_at_most_two_clips_in_five(planned: list[Planned]) -> None:
    summary = corpus_summary(planned)
    assert summary["num_clips"] == 60 * 12
    assert 0.25 < summary["nearest_window_right_share"] <= 0.40
    assert summary["right_in_nearest_5_share"] > 0.8


@pytest.mark.parametrize("seed", range(5))
def test_a_corpus_of_another_seed_is_as_weak(seed: int) -> None:
    worlds = [build_world(seed, index, 12) for index in range(120)]
    summary = corpus_summary([(world, narrate(world)) for world in worlds])
    assert summary["nearest_window_right_share"] <= 0.40
    assert summary["right_in_nearest_5_share"] > 0.85


def test_a_clip_rank_counts_the_cues_that_are_nearer() -> None:
    world = build_world(0, 0, 3)
    cues = (
        SpokenCue(0.0, 2.0, "chat", None),
        SpokenCue(2.0, 5.0, "second", 1),
        SpokenCue(5.0, 8.0, "first", 0),
    )
    assert clip_ranks(world, cues) == [2, 0, None]


def test_of_two_cues_equally_near_the_earlier_counts_as_nearer() -> None:
    world = build_world(0, 0, 3)
    cues = (SpokenCue(3.7, 4.3, "chat", None), SpokenCue(5.3, 5.9, "second", 1))
    assert clip_ranks(world, cues)[1] == 1


def test_rows_hold_what_evaluation_reads() -> None:
    world = build_world(0, 0, 12)
    row = step_rows(world)[4]
    step = world.steps[4]
    assert row == {
        "video_id": "kitchen_0000",
        "step": 4,
        "start_s": step.start_s,
        "end_s": step.end_s,
        "sentence": f"{step.action} the {step.colour} {step.shape}",
        "label": 4 * step.seen + 2 * step.heard + step.said,
        "factors": {"video": step.seen, "audio": step.heard, "text": step.said},
    }
    cue = SpokenCue(0.5, 1.5, "hello", None)
    assert cue_rows(world, [cue]) == [
        {
            "video_id": "kitchen_0000",
            "start_s": 0.5,
            "end_s": 1.5,
            "text": "hello",
            "step": None,
        }
    ]


def test_each_factor_alone_has_the_ceiling_of_two_guessed_bits(planned: list[Planned]) -> None:
    steps = [step for world, _ in planned for step in world.steps]
    labels = [step.label for step in steps]
    for bit in ("seen", "heard", "said"):
        ceiling = exact_ceiling([getattr(step, bit) for step in steps], labels)
        assert 0.25 <= ceiling < 0.28


def test_the_exact_ceiling_is_the_share_of_the_most_frequent_label_of_each_value() -> None:
    assert exact_ceiling([0, 0, 0, 1, 1], [3, 3, 2, 5, 6]) == pytest.approx(3 / 5)


def test_a_ceiling_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="got 2 and 1"):
        exact_ceiling([0, 1], [3])
    with pytest.raises(ValueError, match="at least one"):
        exact_ceiling([], [])


def test_label_counts_follow_the_steps(planned: list[Planned]) -> None:
    world, cues = planned[0]
    only = replace(world, steps=tuple(replace(s, seen=1, heard=0, said=1) for s in world.steps))
    assert corpus_summary([(only, cues)])["label_counts"] == [0, 0, 0, 0, 0, 12, 0, 0]
