"""What occurs together, counted by kind: whole numbers, so parts merge exactly in any order.

Gupta et al., "ViCo: Word Embeddings from Visual Co-occurrences", ICCV 2019. A pair has no order:
(a, b) and (b, a) are one entry, under the word that comes first by letters, so every kind is
symmetric by construction. Weights that are no whole numbers are counted in units of 2^-20.

Shape letters in this file:
    P  pairs of a kind    V  words
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

UNIT = 1 << 20
"""Units of one occurrence."""

Pair = tuple[str, str]


@dataclass
class Counts:
    """Units by kind of co-occurrence and pair of words."""

    kinds: dict[str, Counter[Pair]] = field(default_factory=dict)

    def add(self, kind: str, one: str, other: str, weight: float = 1) -> None:
        """Count a pair; what rounds to no unit is not counted.

        Raises:
            ValueError: If the weight is negative or not finite.
        """
        if not (np.isfinite(weight) and weight >= 0):
            raise ValueError(f"weight must be finite and >= 0, got {weight}")
        units = round(weight * UNIT)
        if units:
            pair = (one, other) if one <= other else (other, one)
            self.kinds.setdefault(kind, Counter())[pair] += units

    def weight(self, kind: str, one: str, other: str) -> float:
        """Return how often a pair occurs, in whichever order it is asked for."""
        return self.kinds.get(kind, Counter())[min(one, other), max(one, other)] / UNIT

    def words(self) -> list[str]:
        """Return all words, by letters."""
        return sorted({word for pairs in self.kinds.values() for pair in pairs for word in pair})

    def of_words(self, words: Iterable[str]) -> "Counts":
        """Return the pairs whose words are both among some."""
        kept = set(words)
        return Counts(
            {
                kind: Counter({p: n for p, n in pairs.items() if p[0] in kept and p[1] in kept})
                for kind, pairs in self.kinds.items()
            }
        )


def merge(parts: Iterable[Counts]) -> Counts:
    """Return the sum of parts: the same, whatever their number and order."""
    total: dict[str, Counter[Pair]] = {}
    for part in parts:
        for kind, pairs in part.kinds.items():
            total.setdefault(kind, Counter()).update(pairs)
    return Counts(
        {kind: Counter(dict(sorted(pairs.items()))) for kind, pairs in sorted(total.items())}
    )


@dataclass(frozen=True, slots=True)
class Pairs:
    """One kind as arrays; each unordered pair once, its lower row first."""

    first_P: np.ndarray
    second_P: np.ndarray
    count_P: np.ndarray
    """Occurrences, > 0; float64."""

    absent_first_P: np.ndarray
    """Pairs that occur in another kind and not in this one: its negatives."""
    absent_second_P: np.ndarray


def as_pairs(counts: Counts, words: Sequence[str]) -> dict[str, Pairs]:
    """Return every kind in rows of a vocabulary, with its negatives.

    Raises:
        ValueError: If a counted word is not in the vocabulary, or it names a word twice.
    """
    row_of = {word: row for row, word in enumerate(words)}
    if len(row_of) < len(words):
        raise ValueError("words must differ, got one twice")
    if missing := [word for word in counts.words() if word not in row_of]:
        raise ValueError(f"words must hold all that are counted, got none of {missing[:5]}")
    keys = {kind: _keys(pairs, row_of) for kind, pairs in sorted(counts.kinds.items())}
    every_P = np.unique(np.concatenate([*keys.values(), np.zeros(0, np.int64)]))
    found: dict[str, Pairs] = {}
    for kind, key_P in keys.items():
        units_P = np.array([*counts.kinds[kind].values()], dtype=np.float64)
        order_P = np.argsort(key_P)
        absent_P = np.setdiff1d(every_P, key_P)
        found[kind] = Pairs(
            *np.divmod(key_P[order_P], len(words)),
            units_P[order_P] / UNIT,
            *np.divmod(absent_P, len(words)),
        )
    return found


def _keys(pairs: Mapping[Pair, int], row_of: Mapping[str, int]) -> np.ndarray:
    rows_P2 = np.array([(row_of[a], row_of[b]) for a, b in pairs], dtype=np.int64).reshape(-1, 2)
    return rows_P2.min(axis=1) * len(row_of) + rows_P2.max(axis=1)
