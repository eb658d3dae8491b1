"""Tests of trainers/words/clusters.py."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score, v_measure_score

from trainers.words.clusters import agreement, read_categories


def test_the_figures_are_those_of_scikit_learns_clusters() -> None:
    rng = np.random.default_rng(0)
    given = rng.integers(4, size=60)
    vectors = rng.normal(size=(4, 9))[given] + rng.normal(size=(60, 9))
    numbers = (1, 4, 8)
    v, ari = [], []
    for number in numbers:
        model = AgglomerativeClustering(number, metric="cosine", linkage="average")
        found = model.fit_predict(vectors)
        v.append(v_measure_score(given, found))
        ari.append(adjusted_rand_score(given, found))
    got = agreement(vectors, [f"c{c}" for c in given], numbers)
    assert got.v_measure == pytest.approx(np.mean(v), abs=1e-12)
    assert got.adjusted_rand == pytest.approx(np.mean(ari), abs=1e-12)


def test_length_of_a_vector_changes_nothing_and_categories_of_their_own_agree_wholly() -> None:
    vectors = np.eye(3)[[0, 0, 1, 1, 2, 2]] + 0.01
    scaled = vectors * np.array([1, 9, 2, 8, 3, 7])[:, None]
    one, other = (agreement(x, list("aabbcc"), (3,)) for x in (vectors, scaled))
    assert one == other
    assert one.v_measure == one.homogeneity == one.adjusted_rand == 1


def test_categories_lack_none() -> None:
    with pytest.raises(ValueError, match="got 1 for 2"):
        agreement(np.eye(2), ["a"])


def test_a_words_last_category_by_name_counts(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"FOOD_A": ["egg"], "BODY": ["egg", "arm"]}')
    assert read_categories(tmp_path / "c.json") == {"egg": "FOOD_A", "arm": "BODY"}
