"""Worlds: reproducible, balanced, steps that follow each other."""

from collections import Counter
from itertools import pairwise

import pytest

from pipeline.demo.truth import Planned
from pipeline.demo.world import STEP_S, build_world


def test_the_same_seed_and_index_give_the_same_world() -> None:
    assert build_world(3, 7, 12) == build_world(3, 7, 12)


def test_another_seed_or_index_gives_other_steps() -> None:
    worlds = (build_world(3, 7, 12), build_world(4, 7, 12), build_world(3, 8, 12))
    assert len({world.steps for world in worlds}) == 3


def test_steps_cover_the_video_without_gap_or_overlap(planned: list[Planned]) -> None:
    for world, _ in planned:
        assert world.steps[0].start_s == 0
        assert world.steps[-1].end_s == world.duration_s
        for before, after in pairwise(world.steps):
            assert before.end_s == after.start_s
            assert 0.7 * STEP_S < after.end_s - after.start_s < 1.4 * STEP_S


def test_no_step_of_a_video_is_shown_twice(planned: list[Planned]) -> None:
    for world, _ in planned:
        assert len({step.sentence for step in world.steps}) == len(world.steps)


def test_each_pair_of_bits_is_exactly_even_within_each_video(planned: list[Planned]) -> None:
    for world, _ in planned:
        for first, second in (("seen", "heard"), ("seen", "said"), ("heard", "said")):
            pairs = Counter((getattr(s, first), getattr(s, second)) for s in world.steps)
            assert set(pairs.values()) == {3}, (world.video_id, first, second)


def test_any_fifth_of_the_videos_has_every_label_about_as_often(planned: list[Planned]) -> None:
    for offset in range(5):
        labels = Counter(step.label for world, _ in planned[offset::5] for step in world.steps)
        assert len(labels) == 8
        assert max(labels.values()) <= 1.4 * labels.total() / 8


def test_bits_do_not_depend_on_what_is_shown() -> None:
    steps = [step for index in range(400) for step in build_world(0, index, 12).steps]
    for bit in ("seen", "heard", "said"):
        for trait in ("action", "colour", "shape"):
            ones = Counter(getattr(step, trait) for step in steps if getattr(step, bit))
            for value, total in Counter(getattr(step, trait) for step in steps).items():
                assert ones[value] / total == pytest.approx(0.5, abs=0.1), (bit, value)


@pytest.mark.parametrize("num_steps", [3, 5, 11, 300])
def test_a_video_may_have_any_number_of_steps(num_steps: int) -> None:
    assert len(build_world(0, 0, num_steps).steps) == num_steps


def test_video_ids_do_not_depend_on_the_seed() -> None:
    assert build_world(0, 7, 12).video_id == build_world(9, 7, 12).video_id == "garage_0007"
