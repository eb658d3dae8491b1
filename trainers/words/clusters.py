"""Do words of one category lie together? Clustering as ViCo is judged by, against categories.

Gupta et al., ICCV 2019, section 5.1: agglomerative clusters by average cosine distance, of 1, 4, 8,
16, 24, .., 80 clusters; V-measure and adjusted Rand index are means over these numbers.

Shape letters in this file:
    N  words    D  width of a vector
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_rand_score, homogeneity_score, v_measure_score

NUMBERS = (1, 4, *range(8, 81, 8))
"""Numbers of clusters, as in the authors' code."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of clusters with categories, means over the numbers of clusters."""

    v_measure: float
    homogeneity: float
    adjusted_rand: float


def agreement(
    vectors_ND: np.ndarray, categories: Sequence[str], numbers: Sequence[int] = NUMBERS
) -> Agreement:
    """Return how well clusters of vectors agree with categories.

    Args:
        vectors_ND: Of the words; one of length zero is as far from all as from an orthogonal one.
        categories: Of each word.
        numbers: Of clusters.

    Raises:
        ValueError: If there are not as many categories as vectors, or fewer than two.
    """
    if len(vectors_ND) != len(categories) or len(categories) < 2:
        raise ValueError(
            f"categories must be one for each of 2 vectors or more, got {len(categories)} "
            f"for {len(vectors_ND)}"
        )
    length_N = np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    unit_ND = vectors_ND / np.where(length_N > 0, length_N, 1)
    upper = np.triu_indices(len(unit_ND), k=1)
    distances = np.clip(1 - (unit_ND @ unit_ND.T)[upper], 0, 2)
    tree = linkage(distances, "average")
    given = np.unique(np.asarray(categories), return_inverse=True)[1]
    found = [fcluster(tree, number, "maxclust") for number in numbers]
    return Agreement(
        float(np.mean([v_measure_score(given, one) for one in found])),
        float(np.mean([homogeneity_score(given, one) for one in found])),
        float(np.mean([adjusted_rand_score(given, one) for one in found])),
    )


def read_categories(path: Path) -> dict[str, str]:
    """Return the fine category of each word of `fine_categories.json`; a word's last one counts.

    Last by the categories' names, as in the authors' code.

    The coarse category is what stands before the underscore: `fine.partition("_")[0]`.
    """
    read = json.loads(path.read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for category, words in sorted(read.items()):
        found |= dict.fromkeys(words, category)
    return found
