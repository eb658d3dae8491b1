"""Tests of trainers/fusion/sequences/hidden_chain.py: sums beside lists of all hidden states."""

from itertools import combinations, pairwise, product

import pytest
import torch
from torch import Tensor

from configs.sequences import HiddenCrfConfig
from trainers.fusion.sequences.hidden_chain import HiddenChain
from trainers.tasks.task import UNLABELLED

C, H, T = 2, 2, 3
VIEWS = {"left": 3, "right": 2}
MASK = torch.tensor([[True, True, True], [True, True, False]])
Joint = tuple[int, tuple[int, ...]]
STATES: list[Joint] = list(product(range(C), product(range(H), repeat=2)))


def made() -> tuple[HiddenChain, dict[str, Tensor]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        chain = HiddenChain(HiddenCrfConfig(hidden_states=H, window=1), VIEWS, C).double()
        for parameter in chain.parameters():
            torch.nn.init.normal_(parameter)
        views = {n: torch.randn(2, T, w, dtype=torch.float64) for n, w in VIEWS.items()}
    return chain.requires_grad_(False), views


def score(chain: HiddenChain, views: dict[str, Tensor], row: int, path: tuple[Joint, ...]) -> float:
    """The module's formula, written out for one path of one sequence."""
    total = 0.0
    for v, (name, values) in enumerate(views.items()):
        layer, table = chain.emission[name], chain.within[name]
        padded = torch.zeros(T + 2, values.shape[2]).double()
        padded[1 : T + 1] = values[row] * MASK[row].unsqueeze(1)
        for t, (y, h) in enumerate(path):
            window = padded[t : t + 3]
            total += float((layer.weight[y * H + h[v]] * window.T).sum() + layer.bias[y * H + h[v]])
        for (y, h), (z, k) in pairwise(path):
            total += float(table[y, h[v], z, k[v]])
    for (v, a), (w, b) in combinations(enumerate(VIEWS), 2):
        total += sum(float(chain.between[f"{a} {b}"][y, h[v], h[w]]) for y, h in path)
    return total


def listed(
    chain: HiddenChain, views: dict[str, Tensor], row: int
) -> tuple[list[tuple[Joint, ...]], Tensor]:
    every = list(product(STATES, repeat=int(MASK[row].sum())))
    return every, torch.tensor([score(chain, views, row, path) for path in every]).double()


@pytest.mark.parametrize("row", [0, 1])
def test_labels_of_positions_are_summed_over_all_hidden_states(row: int) -> None:
    chain, views = made()
    emission = chain.emissions(views, MASK)
    every, scores = listed(chain, views, row)
    shares = scores.softmax(0)
    marginals = chain.of_positions(emission, MASK).exp()
    for t, c in product(range(int(MASK[row].sum())), range(C)):
        expected = float(shares[torch.tensor([path[t][0] == c for path in every])].sum())
        assert float(marginals[row, t, c]) == pytest.approx(expected, abs=1e-6)
    for told in ((1, 0, 1), (0, UNLABELLED, 1), (UNLABELLED,) * 3):
        label = torch.tensor([told, (*told[:2], UNLABELLED)])
        agree = torch.tensor(
            [
                all(
                    k in (UNLABELLED, y)
                    for k, (y, _) in zip(label[row].tolist(), path, strict=False)
                )
                for path in every
            ]
        )
        expected = float(scores.logsumexp(0) - scores[agree].logsumexp(0))
        assert float(chain.losses(emission, MASK, label)[row]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("row", [0, 1])
def test_the_label_of_a_sequence_is_the_same_at_all_positions(row: int) -> None:
    chain, views = made()
    emission = chain.emissions(views, MASK)
    every, scores = listed(chain, views, row)
    of_label = []
    for c in range(C):
        agree = torch.tensor([all(y == c for y, _ in path) for path in every])
        of_label.append(scores[agree].logsumexp(0))
    expected = torch.stack(of_label).log_softmax(0)
    assert (chain.of_sequences(emission, MASK)[row] - expected).abs().max() < 1e-6
    losses = chain.losses(emission, MASK, torch.tensor([1, 1]))
    assert float(losses[row]) == pytest.approx(-float(expected[1]), abs=1e-6)
    assert float(chain.losses(emission, MASK, torch.tensor([UNLABELLED] * 2))[row]) == 0


def test_padded_positions_contribute_nothing() -> None:
    chain, views = made()
    noisy = {name: torch.where(MASK.unsqueeze(2), v, 99.0) for name, v in views.items()}
    one, other = chain.emissions(views, MASK), chain.emissions(noisy, MASK)
    for of in (chain.of_positions, chain.of_sequences):
        assert torch.equal(of(one, MASK)[1, :2], of(other, MASK)[1, :2])


def test_hidden_states_tell_apart_what_one_state_cannot() -> None:
    """A label is 1 where x is far from 0 on either side: no single linear score says that."""
    losses = []
    for hidden in (1, 2):
        torch.manual_seed(0)
        chain = HiddenChain(HiddenCrfConfig(hidden_states=hidden), {"x": 1}, 2)
        x = torch.tensor([-2.0, 0.0, 2.0]).repeat(4)[torch.randperm(12)].view(4, 3, 1)
        label, mask = (x.abs() > 1).long().squeeze(2), torch.ones(4, 3, dtype=torch.bool)
        optimizer = torch.optim.Adam(chain.parameters(), lr=0.2)
        for _ in range(80):
            optimizer.zero_grad()
            loss = chain.losses(chain.emissions({"x": x}, mask), mask, label).mean()
            loss.backward()
            optimizer.step()
        losses.append(loss.item() / 3)
    assert losses[1] < 0.1 < losses[0]


def test_more_states_than_can_be_summed_are_refused() -> None:
    with pytest.raises(ValueError, match=r"4096 at most, got 7 \* 9 \*\* 3"):
        HiddenChain(HiddenCrfConfig(hidden_states=9), {"a": 1, "b": 1, "c": 1}, 7)
