"""Tests of trainers/words/video.py."""

import numpy as np
import pytest

from configs.words import VicoConfig
from trainers.words.counts import merge
from trainers.words.learn import learn
from trainers.words.likeness import cosines
from trainers.words.vectors import Vectors
from trainers.words.video import SAID, SHOWN, bag_counts, only, soft_weights, visual_words


def test_visual_words_are_made_of_the_fitted_clips_alone() -> None:
    rng = np.random.default_rng(0)
    given = np.arange(40) % 4
    clips = rng.normal(size=(4, 5))[given] * 9 + rng.normal(size=(40, 5)) * 0.1
    fitted = np.arange(40) < 24
    visual, centres = visual_words(clips, fitted, 4, seed=0)
    assert len({(a, b) for a, b in zip(given, visual, strict=True)}) == 4
    moved = clips.copy()
    moved[~fitted] += 100
    assert np.array_equal(visual_words(moved, fitted, 4, seed=0)[1], centres)
    with pytest.raises(ValueError, match="at most 24 clips, got 25"):
        visual_words(clips, fitted, 25, seed=0)


def test_soft_weights_are_a_softmax() -> None:
    assert soft_weights(np.array([0.0, np.log(3), 1000 - 1000])) == pytest.approx([0.2, 0.6, 0.2])
    assert soft_weights(np.array([1000.0, 0.0])).tolist() == [1, 0]
    assert len(soft_weights(np.zeros(0))) == 0


def test_a_bag_counts_its_windows_by_their_weights() -> None:
    bag = [["Pour", "the", "milk", "pour"], ["milk"]]
    counts = bag_counts([7], [bag], [np.array([0.75, 0.25])])
    assert counts.weight(SHOWN, "#7", "milk") == 1
    assert counts.weight(SHOWN, "#7", "pour") == 0.75
    assert counts.weight(SAID, "milk", "pour") == 0.75
    assert "the" not in counts.words()
    with pytest.raises(ValueError, match="one a window, got 1 for 2"):
        bag_counts([7], [bag], [np.ones(1)])
    with pytest.raises(ValueError, match="begin with #"):
        bag_counts([7], [[["#3"]]], [np.ones(1)])


def test_parts_of_clips_sum_to_the_whole() -> None:
    bags = [[["cup", "tea"]], [["tea"], ["milk", "cup"]], [["cup"]]]
    weights = [np.ones(1), np.array([1 / 3, 2 / 3]), np.array([0.1])]
    whole = merge([bag_counts([0, 1, 0], bags, weights)])
    parts = [bag_counts([v], [b], [w]) for v, b, w in zip([0, 1, 0], bags, weights, strict=True)]
    assert merge(reversed(parts)).kinds == whole.kinds


def test_words_that_are_never_said_alike_are_found_alike_by_what_is_seen() -> None:
    """Two words for each of four things; sentences tell nothing, pictures tell all."""
    rng = np.random.default_rng(0)
    words = [("cup", "mug"), ("lid", "cover"), ("knife", "blade"), ("tap", "faucet")]
    visual = rng.integers(4, size=600)
    bags = [
        [[words[v][rng.integers(2)], ("gentle", "slow", "quick")[rng.integers(3)]]] for v in visual
    ]
    counts = bag_counts(visual.tolist(), bags, [np.ones(1)] * 600)
    config = VicoConfig(width=8, transformed=6, steps=300, batch=64)
    other = [(one[0], two[1]) for one in words for two in words if one != two]

    def ahead(seen: Vectors) -> float:
        return float(cosines(seen, words).mean() - cosines(seen, other).mean())

    seen = learn(counts, config, seed=0)
    blind = learn(only(counts, SAID), config, seed=0).vectors
    assert ahead(seen.seen_by(SHOWN)) > abs(ahead(blind)) + 0.2
    assert ahead(seen.vectors) > abs(ahead(blind)) + 0.1
