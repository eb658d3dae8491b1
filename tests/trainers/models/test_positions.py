"""Tests of trainers/models/positions.py."""

import pytest
import torch

from trainers.models.positions import position_codes


@pytest.mark.parametrize("width", [7, 8])
def test_positions_differ_and_do_not_depend_on_the_length(width: int) -> None:
    codes = position_codes(40, width)
    assert codes.shape == (40, width)
    assert torch.equal(position_codes(9, width), codes[:9])
    assert torch.pdist(codes).min() > 0.1
    assert codes.abs().max() <= 1
