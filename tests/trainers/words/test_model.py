"""Tests of trainers/words/model.py."""

import math

import pytest
import torch

from configs.words import VicoConfig
from trainers.words.model import Vico

CONFIGS = [
    VicoConfig(width=4, transform="linear", transformed=3),
    VicoConfig(width=4, transform="select"),
]


def rows(*at: int) -> torch.Tensor:
    return torch.tensor(at)


def drawn() -> dict:
    count = torch.tensor([1.0, 9.0, 0.5], dtype=torch.float64)
    return {
        "x": (rows(0, 1, 2), rows(1, 1, 0), count, rows(2, 2), rows(1, 2)),
        "y": (rows(3), rows(0), count[1:2], rows(), rows()),
    }


def model_of(config: VicoConfig) -> Vico:
    model = Vico(config, 4, ("x", "y")).double()
    draw = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        parameter.data = torch.randn(parameter.shape, generator=draw, dtype=torch.float64)
    return model


@pytest.mark.parametrize("config", CONFIGS)
def test_the_loss_is_that_of_a_loop_over_pairs(config: VicoConfig) -> None:
    model = model_of(config)

    def score(at: int, i: int, j: int) -> float:
        one, other = model.table_VD[i].tolist(), model.table_VD[j].tolist()
        if config.transform == "select":
            one, other = one[2 * at : 2 * at + 2], other[2 * at : 2 * at + 2]
        else:
            view = model.view_TDK[at].tolist()
            one, other = (
                [sum(x[d] * view[d][k] for d in range(4)) for k in range(3)] for x in (one, other)
            )
        bias = model.bias_TV[at, i].item() + model.bias_TV[at, j].item()
        return sum(a * b for a, b in zip(one, other, strict=True)) + bias

    total = 0.0
    for at, (first, second, count, no_first, no_second) in enumerate(drawn().values()):
        off = [
            (score(at, i, j) - math.log(x)) ** 2
            for i, j, x in zip(first.tolist(), second.tolist(), count.tolist(), strict=True)
        ]
        no_pairs = zip(no_first.tolist(), no_second.tolist(), strict=True)
        over = [max(0.0, score(at, i, j)) for i, j in no_pairs]
        total += sum(off) / len(off) + (sum(over) / len(over) if over else 0)
    assert model.loss(drawn()).item() == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("config", CONFIGS)
def test_gradients_are_those_of_finite_differences(config: VicoConfig) -> None:
    model = model_of(config)
    names, values = zip(*model.named_parameters(), strict=True)

    def loss(*given: torch.Tensor) -> torch.Tensor:
        whole = dict(zip(names, given, strict=True))
        return torch.func.functional_call(_Loss(model), {f"model.{n}": v for n, v in whole.items()})

    assert torch.autograd.gradcheck(loss, values)


class _Loss(torch.nn.Module):
    def __init__(self, model: Vico) -> None:
        super().__init__()
        self.model = model

    def forward(self) -> torch.Tensor:
        return self.model.loss(drawn())


def test_a_score_has_no_order() -> None:
    model = model_of(CONFIGS[0])
    assert torch.equal(
        model.score("x", rows(0, 1), rows(2, 3)), model.score("x", rows(2, 3), rows(0, 1))
    )


def test_slices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of the 3 kinds for slices, got 4"):
        Vico(CONFIGS[1], 4, ("x", "y", "z"))
