"""The narrator: in order, short, weak, and silent about what is only seen or only heard."""

import re
from dataclasses import replace
from itertools import pairwise

from pipeline.demo.lexicon import ACTIONS, COLOURS, PURPOSES, SHAPES
from pipeline.demo.narrate import narrate
from pipeline.demo.truth import Planned
from pipeline.demo.world import World, build_world

SEEN_OR_HEARD = re.compile(
    r"\b(bench|table|cloth|bright|dark|pale|light|lamp|white|black|grey|"
    r"sound\w*|hear\w*|ring\w*|bell\w*|thud\w*|knock\w*|loud|noise|noisy|tone)\b"
)


def _flip(world: World, bit: str) -> World:
    steps = tuple(replace(step, **{bit: 1 - getattr(step, bit)}) for step in world.steps)
    return replace(world, steps=steps)


def test_cues_come_in_order_and_do_not_overlap(planned: list[Planned]) -> None:
    for world, cues in planned:
        assert cues[0].start_s >= 0
        assert cues[-1].end_s <= world.duration_s
        for before, after in pairwise(cues):
            assert before.start_s < before.end_s <= after.start_s


def test_a_cue_has_one_to_sixteen_words(planned: list[Planned]) -> None:
    assert all(1 <= len(cue.text.split()) <= 16 for _, cues in planned for cue in cues)


def test_there_is_a_cue_about_every_three_seconds(planned: list[Planned]) -> None:
    for world, cues in planned:
        assert 2.4 < world.duration_s / len(cues) < 3.5


def test_no_step_is_described_twice(planned: list[Planned]) -> None:
    for _, cues in planned:
        described = [cue.step for cue in cues if cue.step is not None]
        assert len(described) == len(set(described))


def test_most_descriptions_name_their_step_in_other_words(planned: list[Planned]) -> None:
    complete = plain = total = 0
    for world, cues in planned:
        for cue in cues:
            if cue.step is None:
                continue
            step, words = world.steps[cue.step], set(cue.text.split())
            names = (ACTIONS[step.action], COLOURS[step.colour], SHAPES[step.shape])
            complete += all(words & set(synonyms) for synonyms in names)
            plain += {step.action, step.colour, step.shape} <= words
            total += 1
    assert 0.8 < complete / total < 1.0
    assert plain / total < 0.15


def test_no_word_stands_for_two_things() -> None:
    lexicons = (ACTIONS, COLOURS, SHAPES)
    words = [word for lexicon in lexicons for synonyms in lexicon.values() for word in synonyms]
    words += [word for purpose in PURPOSES for word in purpose]
    assert len(words) == len(set(words))


def test_the_narrator_never_speaks_of_what_is_only_seen_or_only_heard(
    planned: list[Planned],
) -> None:
    said = "\n".join(cue.text for _, cues in planned for cue in cues)
    assert SEEN_OR_HEARD.search(said) is None


def test_what_is_only_seen_or_only_heard_changes_no_cue() -> None:
    world = build_world(0, 5, 12)
    assert narrate(_flip(world, "seen")) == narrate(world) == narrate(_flip(world, "heard"))


def test_the_purpose_is_said_in_most_cues_and_fits_the_moment(planned: list[Planned]) -> None:
    told = right = total = 0
    for world, cues in planned:
        for cue in cues:
            words = set(cue.text.split())
            said = [bit for bit in (0, 1) if words & set(PURPOSES[bit])]
            shown = next(s for s in world.steps if s.start_s <= cue.centre_s < s.end_s)
            told += bool(said)
            right += said == [shown.said]
            total += 1
    assert told / total > 0.85
    assert right == told
