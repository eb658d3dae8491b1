"""Settings of the objectives that depend on each other."""

import pytest

from configs.objectives import CyclicConfig, WeightSchedule, ends_of


def test_a_direction_has_a_source_and_a_target() -> None:
    assert ends_of("audio->words") == ("audio", "words")


def test_modalities_are_those_of_the_directions_and_none_without_a_weight() -> None:
    directions = ("audio->words", "video->words")
    assert CyclicConfig(weight=1, directions=directions).modalities() == ("video", "words", "audio")
    assert CyclicConfig(weight=1).modalities() == ("video", "words")
    assert CyclicConfig(weight=0, directions=directions).modalities() == ()


@pytest.mark.parametrize("directions", [(), ("video->words", "video->words")])
def test_directions_are_some_and_each_once(directions: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="one or more, each once"):
        CyclicConfig(directions=directions)


def test_a_direction_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="video->words"):
        CyclicConfig(directions=("video->video",))


def test_a_schedule_that_would_not_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match="must be linear or cosine .* got constant"):
        WeightSchedule(end=100)
    with pytest.raises(ValueError, match="end must be above schedule.begin, got 5 and 5"):
        WeightSchedule(shape="linear", begin=5, end=5)
