"""Tests of trainers/fusion/sequences/linear_chain.py."""

from itertools import pairwise, product

import pytest
import torch
from torch import Tensor

from trainers.fusion.sequences.linear_chain import LinearChain
from trainers.tasks.task import UNLABELLED

B, T, C = 2, 4, 3
MASK = torch.tensor([[True] * 4, [True] * 3 + [False]])


def made() -> tuple[LinearChain, Tensor]:
    generator = torch.Generator().manual_seed(0)
    chain = LinearChain(C).double()
    for parameter in chain.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return chain, torch.randn(B, T, C, generator=generator, dtype=torch.float64)


def log_share(chain: LinearChain, emission_TC: Tensor, labels: tuple[int, ...]) -> float:
    """The share of the labelings that agree with the known labels, by listing all of them."""
    scores, agree = [], []
    for path in product(range(C), repeat=len(labels)):
        score = float(chain.start_C[path[0]])
        score += sum(float(emission_TC[t, s]) for t, s in enumerate(path))
        score += sum(float(chain.transition_CC[i, j]) for i, j in pairwise(path))
        scores.append(score)
        agree.append(all(known in (UNLABELLED, s) for known, s in zip(labels, path, strict=True)))
    scores_P = torch.tensor(scores).double()
    return float(scores_P[torch.tensor(agree)].logsumexp(0) - scores_P.logsumexp(0))


@pytest.mark.parametrize(
    "labels",
    [(0, 2, 1, 1), (0, UNLABELLED, UNLABELLED, 2), (UNLABELLED,) * 4, (UNLABELLED, 1, 1, 0)],
)
def test_the_likelihood_is_that_of_all_labelings_that_agree(labels: tuple[int, ...]) -> None:
    chain, emission = made()
    chain.requires_grad_(False)
    label = torch.tensor([labels, (*labels[:3], UNLABELLED)])
    losses = chain.losses(emission, MASK, label)
    for row, length in enumerate((4, 3)):
        expected = -log_share(chain, emission[row], tuple(label[row, :length].tolist()))
        assert float(losses[row]) == pytest.approx(expected, abs=1e-6)


def test_marginals_and_best_labels_are_those_of_all_labelings() -> None:
    chain, emission = made()
    chain.requires_grad_(False)
    marginals = chain.log_marginals(emission, MASK)
    best = chain.best(emission, MASK)
    for t, c in product(range(3), range(C)):
        told = tuple(c if at == t else UNLABELLED for at in range(3))
        expected = log_share(chain, emission[1], told)
        assert float(marginals[1, t, c]) == pytest.approx(expected, abs=1e-6)
    shares = {p: log_share(chain, emission[1], p) for p in product(range(C), repeat=3)}
    assert tuple(best[1, :3].tolist()) == max(shares, key=shares.__getitem__)


def test_a_chain_learns_which_label_follows_which() -> None:
    """Labels alternate and inputs say nothing: only the first label is a guess."""
    torch.manual_seed(0)
    chain, label = LinearChain(2), torch.tensor([[0, 1] * 3, [1, 0] * 3])
    nothing, mask = torch.zeros(2, 6, 2), torch.ones(2, 6, dtype=torch.bool)
    optimizer = torch.optim.Adam(chain.parameters(), lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        chain.losses(nothing, mask, label).sum().backward()
        optimizer.step()
    table = chain.transition_CC.softmax(dim=1)
    assert table[0, 1] > 0.95
    assert table[1, 0] > 0.95
    assert chain.losses(nothing, mask, label).max() < 1.0


def test_gradients_are_those_of_finite_differences() -> None:
    chain, emission = made()
    label = torch.tensor([[0, 2, UNLABELLED, 1], [1, 1, 0, UNLABELLED]])
    emission.requires_grad_()
    assert torch.autograd.gradcheck(lambda e: chain.losses(e, MASK, label), (emission,))
