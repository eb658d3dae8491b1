"""Tests of trainers/fusion/sequences/memory.py (R15 of the design)."""

import numpy as np
import pytest
import torch
from torch import Tensor

from configs.sequences import MemoryConfig
from trainers.fusion.sequences.memory import MemoryStates

WIDTHS = {"words": 5, "sound": 3, "face": 2}
LENGTHS = (6, 4, 1)
MASK = torch.arange(6) < torch.tensor(LENGTHS).unsqueeze(1)


def made() -> tuple[MemoryStates, dict[str, Tensor]]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = MemoryConfig(hidden_dims=(4, 3), memory_dim=5, gate_dim=6)
        states = MemoryStates(config, WIDTHS, 0.2).double().eval()
        return states, {n: torch.randn(3, 6, w, dtype=torch.float64) for n, w in WIDTHS.items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def stepwise(states: MemoryStates, views: dict[str, np.ndarray], length: int) -> np.ndarray:
    """The paper's equations for one sequence, step by step: the states of its true steps."""
    weights = {n: p.detach().numpy() for n, p in states.named_parameters()}

    def two_layers(name: str, x: np.ndarray) -> np.ndarray:
        hidden = np.maximum(weights[f"{name}.0.weight"] @ x + weights[f"{name}.0.bias"], 0)
        return weights[f"{name}.3.weight"] @ hidden + weights[f"{name}.3.bias"]

    sizes = {n: weights[f"cells.{n}.weight_hh"].shape[1] for n in views}
    h = {n: np.zeros(size) for n, size in sizes.items()}
    c = {n: np.zeros(size) for n, size in sizes.items()}
    u, found = np.zeros(states.memory_dim), []
    for t in range(length):
        before = np.concatenate(list(c.values()))
        for n, x in views.items():
            at = f"cells.{n}."
            gates = weights[at + "weight_ih"] @ x[t] + weights[at + "bias_ih"]
            gates = gates + weights[at + "weight_hh"] @ h[n] + weights[at + "bias_hh"]
            i, f, g, o = np.split(gates, 4)
            c[n] = sigmoid(f) * c[n] + sigmoid(i) * np.tanh(g)
            h[n] = sigmoid(o) * np.tanh(c[n])
        both = np.concatenate([before, *c.values()])
        scores = two_layers("attention", both)
        share = np.exp(scores - scores.max())
        attended = share / share.sum() * both
        seen = np.concatenate([attended, u])
        keep, write = sigmoid(two_layers("keep", seen)), sigmoid(two_layers("write", seen))
        u = keep * u + write * np.tanh(two_layers("proposal", attended))
        found.append(np.concatenate([*h.values(), u]))
    return np.stack(found)


def test_states_equal_the_equations_step_by_step() -> None:
    states, views = made()
    with torch.no_grad():
        found = states(views, MASK)
        last = states.pool(found, MASK)
    for row, length in enumerate(LENGTHS):
        own = {n: v[row].numpy() for n, v in views.items()}
        expected = stepwise(states, own, length)
        assert np.abs(found[row, :length].numpy() - expected).max() < 1e-6
        assert np.abs(last[row].numpy() - expected[-1]).max() < 1e-6


def test_the_first_views_have_widths_of_their_own_and_the_last_one_counts_for_the_rest() -> None:
    states, _ = made()
    assert [cell.hidden_size for cell in states.cells.values()] == [4, 3, 3]
    assert states.width == 4 + 3 + 3 + 5


def test_padded_steps_change_nothing() -> None:
    states, views = made()
    noisy = {n: torch.where(MASK.unsqueeze(2), v, 1e3) for n, v in views.items()}
    assert torch.equal(
        states.pool(states(views, MASK), MASK), states.pool(states(noisy, MASK), MASK)
    )
    longer = {n: torch.cat([v, torch.full_like(v, 7.0)], dim=1) for n, v in views.items()}
    mask = torch.cat([MASK, torch.zeros_like(MASK)], dim=1)
    assert torch.equal(
        states.pool(states(longer, mask), mask), states.pool(states(views, MASK), MASK)
    )


def test_gradients_are_those_of_finite_differences() -> None:
    states, views = made()
    inputs = tuple(v[:2, :3].requires_grad_() for v in views.values())
    mask = torch.tensor([[True] * 3, [True, True, False]])

    def last(*values: Tensor) -> Tensor:
        return states.pool(states(dict(zip(WIDTHS, values, strict=True)), mask), mask)

    assert torch.autograd.gradcheck(last, inputs)
    weight = states.keep[0].weight
    with torch.no_grad():
        before = last(*inputs).sum()
    last(*inputs).sum().backward()
    with torch.no_grad():
        weight[0, 0] += 1e-6
        after = last(*inputs).sum()
    assert float((after - before) / 1e-6) == pytest.approx(float(weight.grad[0, 0]), abs=1e-5)


def test_the_memory_sees_one_view_beside_the_other() -> None:
    states, views = made()
    with torch.no_grad():
        before = states(views, MASK)
        views["face"] = views["face"] + 1
        after = states(views, MASK)
    memory, words = before[0, 0, -5:], before[0, 0, :4]
    assert not torch.allclose(after[0, 0, -5:], memory)
    assert torch.equal(after[0, 0, :4], words)
