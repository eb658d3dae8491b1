import pytest
import torch
from torch import nn

from trainers.loop import agreement
from trainers.loop.agreement import WeightsDiffer, fingerprint, refuse_different_weights


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool])
def test_the_fingerprint_tells_one_bit_and_the_place_of_each_element(dtype):
    tensor = torch.arange(15).reshape(3, 5).to(dtype)
    same = fingerprint(tensor.clone().t().contiguous().t())
    assert fingerprint(tensor) == same
    changed = tensor.clone()
    changed.view(torch.uint8)[2, 3] ^= 1
    assert fingerprint(changed) != same
    assert fingerprint(tensor.flip(0, 1)) != same


def test_long_tensors_are_looked_at_to_the_end(monkeypatch):
    monkeypatch.setattr(agreement, "_CHUNK", 7)
    tensor = torch.randn(100)
    for place in (0, 6, 7, 99):
        changed = tensor.clone()
        changed[place] = torch.nextafter(changed[place], torch.tensor(9.0))
        assert fingerprint(changed) != fingerprint(tensor)
    assert fingerprint(torch.empty(0)) == 0


def test_a_weight_that_is_not_a_number_equals_itself():
    assert fingerprint(torch.tensor([float("nan")])) == fingerprint(torch.tensor([float("nan")]))


def test_the_worker_and_the_tensor_that_differ_are_named(monkeypatch):
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    refuse_different_weights(model, 7)

    def two_workers(own_1T, rows):
        other_1T = own_1T.clone()
        other_1T[0, list(model.state_dict()).index("1.running_var")] += 1
        return torch.cat([own_1T, other_1T])

    monkeypatch.setattr(agreement, "num_ranks", lambda: 2)
    monkeypatch.setattr(agreement, "all_gather_rows", two_workers)
    with pytest.raises(WeightsDiffer, match=r"after step 7 .*workers \[1\].*1 of 7.*running_var"):
        refuse_different_weights(model, 7)
