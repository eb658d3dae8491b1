"""Tests of trainers/fusion/sequences/chain.py: every sum beside one over all paths."""

from itertools import pairwise, product

import pytest
import torch
from torch import Tensor

from trainers.fusion.sequences.chain import (
    log_marginals,
    log_pair_marginals,
    log_partition,
    viterbi,
)

B, T, S = 4, 5, 3
LENGTHS = torch.tensor([5, 3, 1, 4])
MASK = torch.arange(T) < LENGTHS.unsqueeze(1)


def drawn(of_each: bool) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    emission = 2 * torch.randn(B, T, S, generator=generator, dtype=torch.float64)
    shape = (B, S, S) if of_each else (S, S)
    return emission, 2 * torch.randn(shape, generator=generator, dtype=torch.float64)


def paths(emission: Tensor, transition: Tensor, chain: int) -> dict[tuple[int, ...], float]:
    """The score of every path."""
    table = transition[chain] if transition.ndim == 3 else transition
    found = {}
    for path in product(range(S), repeat=int(LENGTHS[chain])):
        score = sum(float(emission[chain, t, s]) for t, s in enumerate(path))
        found[path] = score + sum(float(table[i, j]) for i, j in pairwise(path))
    return found


@pytest.mark.parametrize("of_each", [False, True])
def test_the_partition_function_is_the_sum_over_all_paths(of_each: bool) -> None:
    emission, transition = drawn(of_each)
    found = log_partition(emission, transition, MASK)
    for chain in range(B):
        scores = torch.tensor(list(paths(emission, transition, chain).values())).double()
        assert float(found[chain]) == pytest.approx(float(scores.logsumexp(0)), abs=1e-6)


@pytest.mark.parametrize("of_each", [False, True])
def test_marginals_are_the_shares_of_the_paths_through_a_state(of_each: bool) -> None:
    emission, transition = drawn(of_each)
    singles = log_marginals(emission, transition, MASK).exp()
    pairs = log_pair_marginals(emission, transition, MASK).exp()
    for chain in range(B):
        scores = paths(emission, transition, chain)
        weights = torch.tensor(list(scores.values())).double().softmax(0)
        for t, s in product(range(int(LENGTHS[chain])), range(S)):
            share = sum(float(w) for p, w in zip(scores, weights, strict=True) if p[t] == s)
            assert float(singles[chain, t, s]) == pytest.approx(share, abs=1e-6)
        for t, i, j in product(range(1, int(LENGTHS[chain])), range(S), range(S)):
            share = sum(
                float(w) for p, w in zip(scores, weights, strict=True) if p[t - 1 : t + 1] == (i, j)
            )
            assert float(pairs[chain, t - 1, i, j]) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("of_each", [False, True])
def test_viterbi_finds_the_best_of_all_paths(of_each: bool) -> None:
    emission, transition = drawn(of_each)
    path, score = viterbi(emission, transition, MASK)
    for chain in range(B):
        scores = paths(emission, transition, chain)
        best = max(scores, key=scores.__getitem__)
        length = int(LENGTHS[chain])
        assert tuple(path[chain, :length].tolist()) == best
        assert path[chain, length:].tolist() == [-1] * (T - length)
        assert float(score[chain]) == pytest.approx(scores[best], abs=1e-9)


def test_marginals_are_the_gradient_of_the_partition_function() -> None:
    emission, transition = (x.requires_grad_() for x in drawn(False))
    by_emission, by_transition = torch.autograd.grad(
        log_partition(emission, transition, MASK).sum(), (emission, transition)
    )
    expected = log_marginals(emission, transition, MASK).exp() * MASK.unsqueeze(2)
    assert (by_emission - expected).abs().max() < 1e-9
    pairs = log_pair_marginals(emission, transition, MASK).exp() * MASK[:, 1:, None, None]
    assert (by_transition - pairs.sum(dim=(0, 1))).abs().max() < 1e-9


def test_what_stands_beyond_the_end_changes_nothing() -> None:
    emission, transition = drawn(False)
    noisy = torch.where(MASK.unsqueeze(2), emission, 1e3)
    for sums in (log_partition, log_marginals, log_pair_marginals):
        assert torch.equal(sums(emission, transition, MASK), sums(noisy, transition, MASK))
    assert torch.equal(viterbi(emission, transition, MASK)[0], viterbi(noisy, transition, MASK)[0])
    alone = log_partition(emission[1:2, :3], transition, MASK[1:2, :3])
    assert float(alone) == pytest.approx(float(log_partition(emission, transition, MASK)[1]))


def test_a_state_that_is_ruled_out_has_no_share_and_no_bad_gradient() -> None:
    emission, transition = drawn(False)
    emission[:, 1, 2] = -torch.inf
    emission.requires_grad_()
    shares = log_marginals(emission, transition, MASK).exp()
    assert shares[MASK[:, 1], 1, 2].abs().max() == 0
    gradient = torch.autograd.grad(log_partition(emission, transition, MASK).sum(), emission)[0]
    assert gradient.isfinite().all()
