"""How kernels are weighed: equal to MKLpy, noise left out, and what each minimises."""

import numpy as np
import pytest

from trainers.kernels.mkl.alignment import alignment, alignment_weights
from trainers.kernels.mkl.easy import easy_weights
from trainers.kernels.mkl.machine import combine, signs, solve
from trainers.kernels.mkl.simple import simple_weights
from trainers.kernels.mkl.weigh import weigh
from trainers.kernels.vectors import median_gamma, rbf

NUM = 300
SHARES = (0.25, 1.0, 4.0)


@pytest.fixture(scope="module")
def grams(mfeat: dict[str, np.ndarray]) -> np.ndarray:
    """Three radial kernels of each of six views, then three of noise."""
    views = [x for name, x in mfeat.items() if name != "label"]
    noise = np.random.default_rng(1).normal(size=(2000, 10))
    return np.stack(
        [
            rbf(x[:NUM], x[:NUM], gamma=share * median_gamma(x[:NUM]))
            for x in (*views, noise)
            for share in SHARES
        ]
    )


@pytest.fixture(scope="module")
def sign_CN(mfeat: dict[str, np.ndarray]) -> np.ndarray:
    return signs(mfeat["label"][:NUM], 10)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_r9_weights_of_easymkl_are_those_of_mklpy(
    mfeat: dict[str, np.ndarray], grams: np.ndarray, sign_CN: np.ndarray, smoothing: float
) -> None:
    reference = pytest.importorskip("MKLpy.algorithms").EasyMKL(lam=smoothing)
    reference.fit(list(grams), mfeat["label"][:NUM])
    theirs = np.stack([reference.solution[c].weights.numpy() for c in range(10)])
    ours = easy_weights(grams, sign_CN, smoothing)
    assert np.abs(ours - theirs).max() < 1e-6


def test_easymkl_all_smooth_weighs_by_the_distance_of_the_classes_means(
    grams: np.ndarray, sign_CN: np.ndarray
) -> None:
    weights_M = easy_weights(grams, sign_CN[:1], 1.0)[0]
    mean_N = np.where(sign_CN[0] > 0, 1 / (sign_CN[0] > 0).sum(), -1 / (sign_CN[0] < 0).sum())
    apart_M = np.array([mean_N @ gram_NN @ mean_N for gram_NN in grams])
    assert weights_M == pytest.approx(apart_M / apart_M.sum(), abs=1e-6)


def test_r10_simplemkl_goes_down_to_a_small_gap_and_leaves_noise_out(
    grams: np.ndarray, sign_CN: np.ndarray
) -> None:
    found = simple_weights(grams, sign_CN, penalty=10.0)
    assert (np.diff(found.objectives) <= 0).all()
    assert 0 <= found.gap < 1e-3
    assert found.weight_M.sum() == pytest.approx(1.0)
    assert found.weight_M[-3:].max() <= 1e-6
    assert (found.weight_M > 1e-6).sum() <= 12


def test_simplemkl_finds_the_least_of_its_objective_on_a_line_of_weights(
    grams: np.ndarray, sign_CN: np.ndarray
) -> None:
    pair, sign_CN = grams[[1, 7]], sign_CN[:2]

    def objective(first: float) -> float:
        mixed = combine(pair, np.array([first, 1 - first]))
        return sum(solve(mixed, sign_N, 10.0, 1e-6).objective for sign_N in sign_CN)

    found = simple_weights(pair, sign_CN, 10.0, gap=1e-5)
    least = min(objective(first) for first in np.linspace(0, 1, 41))
    assert found.objectives[-1] <= least * (1 + 1e-4)


def test_simplemkl_says_so_where_it_stops_early(grams: np.ndarray, sign_CN: np.ndarray) -> None:
    with pytest.warns(UserWarning, match="stopped at a duality gap"):
        simple_weights(grams, sign_CN[:1], 10.0, max_steps=1)


def test_alignment_prefers_the_labels_own_kernel_and_gives_noise_little(
    grams: np.ndarray, sign_CN: np.ndarray
) -> None:
    target_NN = sign_CN.T @ sign_CN
    with_it = np.concatenate((grams, target_NN[None] / 10))
    assert alignment_weights(with_it, sign_CN)[-1] > 0.99
    weight_M = alignment_weights(grams, sign_CN)
    assert weight_M.min() >= 0
    assert weight_M.sum() == pytest.approx(1.0)
    assert weight_M[-3:].sum() < 0.01


def test_no_other_weights_are_more_aligned_with_the_labels(
    grams: np.ndarray, sign_CN: np.ndarray
) -> None:
    few = grams[::3]
    best = alignment(combine(few, alignment_weights(few, sign_CN)), sign_CN)
    others = np.random.default_rng(0).dirichlet(np.ones(len(few)), 30)
    assert all(alignment(combine(few, other_M), sign_CN) < best for other_M in others)
    assert alignment(sign_CN.T @ sign_CN, sign_CN) == pytest.approx(1.0)


@pytest.mark.parametrize("method", ["uniform", "easy", "simple", "alignment"])
def test_every_way_gives_each_class_weights_of_sum_one(
    grams: np.ndarray, sign_CN: np.ndarray, method: str
) -> None:
    weight_CM = weigh(method, grams[::6], sign_CN[:2], penalty=1.0, smoothing=0.1)
    assert weight_CM.shape == (2, 4)
    assert weight_CM.min() >= 0
    assert weight_CM.sum(axis=1) == pytest.approx(np.ones(2))


def test_ways_and_settings_that_are_none_are_refused(
    grams: np.ndarray, sign_CN: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="weighing must be"):
        weigh("best", grams[:2], sign_CN[:1], penalty=1.0, smoothing=0.1)
    with pytest.raises(ValueError, match="smoothing must be"):
        easy_weights(grams[:2], sign_CN[:1], 1.1)
