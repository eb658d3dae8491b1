"""Tests of trainers/models/sequence_head.py."""

import pytest
import torch

from trainers.models.sequence_head import SequenceHead


def mask_of(lengths: list[int], total: int) -> torch.Tensor:
    return torch.arange(total) < torch.tensor(lengths).unsqueeze(1)


@pytest.mark.parametrize("per_position", [False, True])
def test_what_comes_after_the_valid_positions_changes_no_answer(per_position: bool) -> None:
    torch.manual_seed(0)
    head, mask = SequenceHead(6, 3, 0.0, per_position), mask_of([4, 2], 4)
    joint = torch.randn(2, 4, 6)
    dirty = joint.masked_fill(~mask.unsqueeze(-1), 50.0)
    clean_out, dirty_out = head(joint, mask), head(dirty, mask)
    if per_position:
        assert clean_out.shape == (2, 4, 3)
        clean_out, dirty_out = clean_out[mask], dirty_out[mask]
    assert torch.equal(clean_out, dirty_out)


def test_pooling_is_an_average_of_the_states_with_weights_that_are_learned() -> None:
    torch.manual_seed(0)
    head, mask = SequenceHead(6, 6, 0.0, per_position=False), mask_of([3, 1], 3)
    torch.nn.init.eye_(head.out.weight)
    torch.nn.init.zeros_(head.out.bias)
    joint = torch.randn(2, 3, 6)
    state, _ = head.layer(joint)
    out = head(joint, mask)
    torch.testing.assert_close(out[1], state[1, 0])
    inside = (out[0] <= state[0].max(dim=0).values) & (out[0] >= state[0].min(dim=0).values)
    assert inside.all()
    out.square().sum().backward()
    assert head.attention[0].weight.grad.any()


def test_a_sequence_without_valid_positions_has_a_finite_answer() -> None:
    head = SequenceHead(6, 3, 0.0, per_position=False)
    assert head(torch.randn(2, 3, 6), mask_of([0, 3], 3)).isfinite().all()
