"""Do vectors know which words are alike? Rank correlation with people's judgements.

Shape letters in this file:
    N  pairs of words    D  width of a vector
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from trainers.words.vectors import Vectors

Judged = tuple[str, str, float]


@dataclass(frozen=True, slots=True)
class Likeness:
    """Spearman's correlation over the pairs whose words both have a vector."""

    spearman: float
    covered: int
    of: int


def cosines(vectors: Vectors, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Return the cosine of each pair, `[N]`; 0 where a vector has no length."""
    one_ND = vectors.of([first for first, _ in pairs])
    other_ND = vectors.of([second for _, second in pairs])
    length_N = np.linalg.norm(one_ND, axis=1) * np.linalg.norm(other_ND, axis=1)
    return (one_ND * other_ND).sum(axis=1) / np.where(length_N > 0, length_N, 1)


def likeness(vectors: Vectors, judged: Sequence[Judged]) -> Likeness:
    """Compare cosines with judgements.

    Raises:
        ValueError: If fewer than three pairs have vectors.
    """
    known = [one for one in judged if one[0] in vectors.row_of and one[1] in vectors.row_of]
    if len(known) < 3:
        raise ValueError(f"judged must hold 3 pairs with vectors, got {len(known)}")
    found_N = cosines(vectors, [(first, second) for first, second, _ in known])
    rank = spearmanr(found_N, [mark for _, _, mark in known]).statistic
    return Likeness(float(rank), len(known), len(judged))


def read_judged(path: Path) -> list[Judged]:
    """Read a word-similarity set: two words and a mark a line, between white space."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [(first.lower(), second.lower(), float(mark)) for first, second, mark in rows]
