"""Tests of trainers/words/learn.py."""

import numpy as np
import pytest

from configs.words import VicoConfig
from trainers.words.counts import Counts
from trainers.words.learn import learn
from trainers.words.likeness import cosines

CONFIG = VicoConfig(width=6, transformed=4, steps=200, batch=32)


def two_kinds() -> Counts:
    """Red and crimson are seen with the same things, and are never seen together."""
    counts = Counts()
    for colours, things in ((("red", "crimson"), "abcd"), (("blue", "navy"), "efgh")):
        for colour in colours:
            for thing in things:
                counts.add("shown", colour, thing, 20)
    for one in "abcdefgh":
        for other in "abcdefgh":
            counts.add("said", one, other, 1)
    for colour in ("red", "crimson", "blue", "navy"):
        for thing in "abcdefgh":
            counts.add("said", colour, thing, 1)
    return counts


def test_words_that_are_seen_alike_come_to_lie_alike() -> None:
    learned = learn(two_kinds(), CONFIG, seed=0)
    assert np.mean(learned.losses[-20:]) < 0.1 * np.mean(learned.losses[:5])
    shown = learned.seen_by("shown")
    pairs = [("red", "crimson"), ("blue", "navy"), ("red", "navy"), ("blue", "crimson")]
    alike = cosines(shown, pairs)
    assert min(alike[:2]) > max(alike[2:]) + 0.5


def test_counts_and_seed_decide_the_vectors() -> None:
    config = CONFIG.model_copy(update={"steps": 5})
    tables = [learn(two_kinds(), config, seed).vectors.table_VD for seed in (0, 0, 1)]
    assert np.array_equal(tables[0], tables[1])
    assert not np.allclose(tables[0], tables[2])


def test_nothing_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="must hold a pair"):
        learn(Counts(), CONFIG, seed=0)
