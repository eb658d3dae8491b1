"""Visual co-occurrence from narrated video: what clips look like, with the words said near them.

No one has labelled these pictures. A visual word is a cluster of clips by what they look like; a
clip counts it with each word of its bag, a window's words by the window's soft weight. So words
that are said of alike clips are seen alike, whichever sentences they stand in. Words of the same
window are the other kind, which narration alone has too: the control is that kind by itself.

Shape letters in this file:
    N  clips    D  width of a clip's vector    K  visual words    W  windows of a clip
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from trainers.words.counts import Counts

SHOWN, SAID = "shown", "said"
"""Kinds: a visual word and a word of the bag; two words of a window."""

MARK = "#"
"""A visual word is written `#7`, which no word of narration is."""


def visual_words(
    clips_ND: np.ndarray, fitted_N: np.ndarray, number: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the cluster of each clip, `[N]`, and the centres, `[K, D]`.

    Args:
        clips_ND: Vectors of clips, such as the feature `video` of `weakvid embed`.
        fitted_N: Which clips make the clusters: those of the train split.
        number: Of clusters.
        seed: Where k-means begins.

    Raises:
        ValueError: If fewer clips are fitted than clusters asked for.
    """
    if number > fitted_N.sum():
        raise ValueError(f"number must be at most {fitted_N.sum()} clips, got {number}")
    mean_D = clips_ND[fitted_N].mean(axis=0)
    spread_D = clips_ND[fitted_N].std(axis=0)
    standard_ND = (clips_ND - mean_D) / np.where(spread_D > 0, spread_D, 1)
    found = KMeans(number, n_init=4, random_state=seed).fit(standard_ND[fitted_N])
    return found.predict(standard_ND), found.cluster_centers_


def soft_weights(scores_W: np.ndarray) -> np.ndarray:
    """Return the weights of a bag's windows, which sum to one: softmax of the clip's scores.

    MIL-NCE's posterior of which window belongs to the clip; see docs/losses.md.
    """
    if not len(scores_W):
        return np.zeros(0)
    weights_W = np.exp(scores_W - scores_W.max())
    return weights_W / weights_W.sum()


def bag_counts(
    visual_N: Sequence[int],
    bags: Sequence[Sequence[Sequence[str]]],
    weights: Sequence[np.ndarray],
) -> Counts:
    """Count clips with their bags. Sums over parts of the clips are the counts of the whole.

    Args:
        visual_N: The visual word of each clip.
        bags: Of each clip its windows, each a list of words; stop words are left out.
        weights: Of each clip its windows' weights.

    Raises:
        ValueError: If a bag has not a weight for each window, or a word begins with `#`.
    """
    counts = Counts()
    for visual, bag, weight_W in zip(visual_N, bags, weights, strict=True):
        if len(bag) != len(weight_W):
            raise ValueError(f"weights must be one a window, got {len(weight_W)} for {len(bag)}")
        for window, weight in zip(bag, weight_W, strict=True):
            words = sorted({word.lower() for word in window} - ENGLISH_STOP_WORDS)
            if any(word.startswith(MARK) for word in words):
                raise ValueError(f"words must not begin with {MARK}, got {words}")
            for word in words:
                counts.add(SHOWN, f"{MARK}{visual}", word, float(weight))
            for one, other in combinations(words, 2):
                counts.add(SAID, one, other, float(weight))
    return counts


def only(counts: Counts, kind: str) -> Counts:
    """Return one kind alone: the control that sees nothing is `only(counts, SAID)`."""
    return Counts({kind: counts.kinds[kind]})
