"""Kernels of views on real digits: kernel CCA, and weights of kernels with noise among them.

UCI's multiple features, over five draws of the examples. The bars are those of R8, R9 and R10 in
the design; they hold for the means over the draws, and what no draw may break (noise kernels, the
duality gap) for each.
"""

from pathlib import Path

import numpy as np
import pytest

from trainers.kernels.kcca import KernelCca
from trainers.kernels.mkl.alignment import alignment_weights
from trainers.kernels.mkl.easy import easy_weights
from trainers.kernels.mkl.machine import combine, signs, solve
from trainers.kernels.mkl.simple import simple_weights
from trainers.kernels.vectors import median_gamma, rbf

DRAWS = range(5)
VIEWS = ("fou", "fac", "kar", "pix", "zer", "mor")
SHARES = (0.25, 1.0, 4.0)
NUM_NOISE = len(SHARES)
PENALTY = 10.0
WEIGHINGS = {
    "uniform": "uniform",
    "EasyMKL": "easy",
    "centred alignment": "alignment",
    "SimpleMKL": "simple",
}


@pytest.fixture(scope="module")
def mfeat(test_data: Path) -> dict[str, np.ndarray]:
    folder = test_data / "fusion" / "mfeat"
    tables = {v: np.loadtxt(folder / f"mfeat-{v}.csv", delimiter=",", skiprows=1) for v in VIEWS}
    return {v: t[:, :-1] for v, t in tables.items()} | {"label": tables["fou"][:, -1].astype(int)}


def percent(shares: list[float]) -> str:
    """The mean and each draw."""
    return f"{100 * np.mean(shares):.1f} ({', '.join(f'{100 * s:.1f}' for s in shares)})"


def standard(x_NF: np.ndarray, fitted_N: np.ndarray) -> np.ndarray:
    return (x_NF - x_NF[fitted_N].mean(axis=0)) / x_NF[fitted_N].std(axis=0)


def found(model: KernelCca, one_QF: np.ndarray, other_QF: np.ndarray) -> np.ndarray:
    """The rank of each example's own other view, from 0."""
    first, second = model.transform_view(0, one_QF), model.transform_view(1, other_QF)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    score_QQ = first @ second.T
    return (score_QQ > score_QQ.diagonal()[:, None]).sum(axis=1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:shrinkage 0")
def test_r8_kernel_cca_finds_an_examples_other_view_more_often_than_linear_cca(
    mfeat: dict[str, np.ndarray], figures
) -> None:
    """Each chooses its shrinkage on 150 of the 500 training pairs, and fits anew on all."""
    shrinkages = {
        "rbf": (0.00001, 0.0001, 0.001, 0.01, 0.1),
        "linear": (0.0, 0.001, 0.01, 0.1, 0.5),
    }
    recall: dict[str, list[float]] = {f"{kind} {n}": [] for kind in shrinkages for n in (1, 10)}
    same: dict[str, list[float]] = {kind: [] for kind in shrinkages}
    medians: dict[str, list[float]] = {kind: [] for kind in shrinkages}
    chosen: dict[str, list[float]] = {kind: [] for kind in shrinkages}
    for draw in DRAWS:
        rows = np.random.default_rng(draw).permutation(2000)[:1000]
        train, test = rows[:500], rows[500:]
        views = [standard(mfeat[view], train) for view in ("fou", "kar")]

        def ranks(kind: str, shrinkage: float, fitted: np.ndarray, asked: np.ndarray):
            model = KernelCca(20, views=(76, 64), kernel=kind, shrinkage=shrinkage)
            model.fit(np.concatenate([x[fitted] for x in views], axis=1))  # noqa: B023
            return found(model, *(x[asked] for x in views))  # noqa: B023

        for kind, candidates in shrinkages.items():
            best = max(
                candidates,
                key=lambda c: (ranks(kind, c, train[:350], train[350:]) < 10).mean(),
            )
            chosen[kind].append(best)
            rank_Q = ranks(kind, best, train, test)
            for n in (1, 10):
                recall[f"{kind} {n}"].append((rank_Q < n).mean())
            medians[kind].append(float(np.median(rank_Q)) + 1)
            same[kind].append((ranks(kind, 0.01, train, test) < 10).mean())
    for kind in shrinkages:
        figures(
            **{f"{kind} R@{n} of 500": percent(recall[f"{kind} {n}"]) for n in (1, 10)},
            **{f"{kind} median rank": np.mean(medians[kind])},
            **{f"{kind} shrinkage chosen": str(chosen[kind])},
            **{f"{kind} R@10 at shrinkage 0.01": percent(same[kind])},
        )
    assert np.mean(recall["rbf 10"]) >= 0.30
    assert np.mean(recall["rbf 10"]) >= np.mean(recall["linear 10"]) + 0.05
    assert np.mean(same["rbf"]) >= 0.30
    assert np.mean(same["rbf"]) >= np.mean(same["linear"]) + 0.05


def kernels(views: list[np.ndarray], fitted: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return np.stack(
        [
            rbf(x[asked], x[fitted], gamma=share * median_gamma(x[fitted]))
            for x in views
            for share in SHARES
        ]
    )


@pytest.mark.slow
def test_r9_r10_learned_weights_beat_each_kernel_and_leave_noise_out(
    mfeat: dict[str, np.ndarray], figures
) -> None:
    """300 digits to learn from, 1,000 asked; 18 kernels of six views and 3 of noise."""
    accuracy: dict[str, list[float]] = {}
    noise: dict[str, list[float]] = {}
    active, gaps, steps = [], [], []
    for draw in DRAWS:
        rng = np.random.default_rng(draw)
        rows = rng.permutation(2000)[:1300]
        train, test = rows[:300], rows[300:]
        views = [standard(mfeat[view], train) for view in VIEWS]
        views.append(rng.normal(size=(2000, 10)))
        gram_MNN, gram_MQN = kernels(views, train, train), kernels(views, train, test)
        sign_CN = signs(mfeat["label"][train], 10)
        eye = np.eye(len(gram_MNN))
        simple = simple_weights(gram_MNN, sign_CN, PENALTY)
        weights = {f"kernel {m}": eye[m] for m in range(len(eye) - NUM_NOISE)}
        weights |= {
            "uniform": np.full(len(eye), 1 / len(eye)),
            "EasyMKL": easy_weights(gram_MNN, sign_CN, 0.1),
            "centred alignment": alignment_weights(gram_MNN, sign_CN),
            "SimpleMKL": simple.weight_M,
        }
        for name, weight in weights.items():
            weight_CM = np.broadcast_to(weight, (10, len(eye)))
            score_CQ = np.stack(
                [
                    solve(combine(gram_MNN, weight_M), sign_N, PENALTY).decide(
                        combine(gram_MQN, weight_M)
                    )
                    for weight_M, sign_N in zip(weight_CM, sign_CN, strict=True)
                ]
            )
            right = (score_CQ.argmax(axis=0) == mfeat["label"][test]).mean()
            accuracy.setdefault(name, []).append(float(right))
            noise.setdefault(name, []).append(float(weight_CM[:, -NUM_NOISE:].sum(axis=1).mean()))
        assert (np.diff(simple.objectives) <= 0).all()
        active.append(int((simple.weight_M > 1e-6).sum()))
        gaps.append(simple.gap)
        steps.append(len(simple.objectives) - 1)
        assert simple.weight_M[-NUM_NOISE:].max() <= 1e-6
    single = [shares for name, shares in accuracy.items() if name.startswith("kernel")]
    best = list(np.max(single, axis=0))
    figures(**{"best single kernel of each draw": percent(best)})
    for name in WEIGHINGS:
        figures(**{name: percent(accuracy[name]), f"{name} weight of noise": np.mean(noise[name])})
    figures(
        SimpleMKL_kernels_used=str(active),
        SimpleMKL_steps=str(steps),
        SimpleMKL_largest_gap=max(gaps),
    )
    assert max(gaps) < 1e-3
    assert max(active) <= 12
    assert np.mean(accuracy["EasyMKL"]) >= 0.97
    assert np.mean(accuracy["EasyMKL"]) >= np.mean(best)
