"""Kernels of pictures on real digits: what each is worth, alone and weighed together.

The first 10,000 digits of MNIST, 600 to learn from and 600 to be asked, over five draws. The bars
are those of R6 in the design.
"""

from pathlib import Path

import numpy as np
import pytest

from trainers.kernels.gram import cosine, least_eigenvalue
from trainers.kernels.histograms import intersection
from trainers.kernels.mkl.weighed import fit_weighed
from trainers.kernels.patches import describe, learn_vocabulary, patch_positions
from trainers.kernels.proximity import nearest_features, proximity_distribution
from trainers.kernels.spatial import spatial_pyramid
from trainers.kernels.vectors import median_gamma, rbf

DRAWS = range(5)
PENALTY = 10.0
WEIGHINGS = {
    "uniform": "uniform",
    "EasyMKL": "easy",
    "centred alignment": "alignment",
    "SimpleMKL": "simple",
}


def percent(shares: list[float]) -> str:
    """The mean and each draw."""
    return f"{100 * np.mean(shares):.1f} ({', '.join(f'{100 * s:.1f}' for s in shares)})"


def of_pictures(train_NHW: np.ndarray, test_NHW: np.ndarray, draw: int) -> dict[str, np.ndarray]:
    """Kernels of length one by name: train by train, then test by train, on top of each other."""
    position_F2 = patch_positions(28, 28)
    nearest_FR = nearest_features(position_F2, 4)
    histograms = {
        "bag of 40 words": (40, lambda w: spatial_pyramid(w, position_F2, 40, 0)),
        "spatial pyramid of 1 level": (40, lambda w: spatial_pyramid(w, position_F2, 40, 1)),
        "spatial pyramid of 2 levels": (40, lambda w: spatial_pyramid(w, position_F2, 40, 2)),
        "bag of 16 words": (16, lambda w: spatial_pyramid(w, position_F2, 16, 0)),
        "proximity of 16 words": (16, lambda w: proximity_distribution(w, nearest_FR, 16)),
    }
    described = describe(np.concatenate((train_NHW, test_NHW)))
    made = {}
    for kind, (num_words, histogram) in histograms.items():
        vocabulary = learn_vocabulary(described[: len(train_NHW)], num_words, seed=draw)
        counts_NB = np.stack([histogram(word_F) for word_F in vocabulary.words(described)])
        own_N = counts_NB.sum(axis=1, dtype=np.float64)
        train_NB, own = counts_NB[: len(train_NHW)], own_N[: len(train_NHW)]
        made[kind] = cosine(intersection(counts_NB, train_NB), own_N, own)
    pixels_NF = np.concatenate((train_NHW, test_NHW)).reshape(len(described), -1) / 255.0
    fitted_NF = pixels_NF[: len(train_NHW)]
    made["radial of pixels"] = rbf(pixels_NF, fitted_NF, gamma=4 * median_gamma(fitted_NF))
    return made


@pytest.mark.slow
def test_r6_where_and_beside_what_a_word_stands_tells_more_than_how_often(
    test_data: Path, figures
) -> None:
    """And kernels of one modality that are weighed together tell more than the best alone."""
    with np.load(test_data / "fusion" / "mnist10k_npm" / "mnist10k.npz") as file:
        pictures, labels = file["x"], file["y"]
    accuracy: dict[str, list[float]] = {}
    least = np.inf
    together = ("spatial pyramid of 2 levels", "proximity of 16 words", "radial of pixels")
    for draw in DRAWS:
        rows = np.random.default_rng(draw).permutation(len(pictures))[:1200]
        train, test = rows[:600], rows[600:]
        kinds = of_pictures(pictures[train], pictures[test], draw)
        least = min(least, *(least_eigenvalue(gram[:600]) for gram in kinds.values()))
        for kind in (*kinds, *WEIGHINGS):
            names = [kind] if kind in kinds else together
            gram_MNN, gram_MQN = np.split(np.stack([kinds[n] for n in names]), 2, axis=1)
            fitted = fit_weighed(
                gram_MNN,
                labels[train],
                10,
                weighing=WEIGHINGS.get(kind, "uniform"),
                penalty=PENALTY,
            )
            right = fitted.decide(gram_MQN).argmax(axis=1) == labels[test]
            accuracy.setdefault(kind, []).append(float(right.mean()))
    figures(**{kind: percent(shares) for kind, shares in accuracy.items() if kind not in WEIGHINGS})
    figures(
        **{f"pyramid, proximity and pixels, {kind}": percent(accuracy[kind]) for kind in WEIGHINGS}
    )
    figures(least_eigenvalue_over_the_largest=least)
    mean = {kind: np.mean(shares) for kind, shares in accuracy.items()}
    assert least >= -1e-8
    assert mean["spatial pyramid of 2 levels"] >= 0.88
    assert mean["spatial pyramid of 2 levels"] >= mean["bag of 40 words"] + 0.10
    assert mean["proximity of 16 words"] >= mean["bag of 16 words"] + 0.12
    assert mean["EasyMKL"] > max(mean[kind] for kind in together)
