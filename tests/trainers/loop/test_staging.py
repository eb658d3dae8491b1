import torch

from trainers.loop.staging import Staging


def test_a_copy_is_equal_and_shares_no_memory_with_the_state():
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3).t())
    state = {"model": {"w": weight}, "groups": [{"lr": 0.1, "params": [0, 1]}], "step": 3}
    copied = Staging().copy(state)
    assert torch.equal(copied["model"]["w"], weight) and not copied["model"]["w"].requires_grad
    assert copied["groups"] == [{"lr": 0.1, "params": [0, 1]}] and copied["step"] == 3
    with torch.no_grad():
        weight.zero_()
    assert copied["model"]["w"].sum() == 15


def test_the_same_memory_serves_the_next_copy_also_where_more_has_come():
    staging = Staging()
    first = staging.copy({"w": torch.ones(3)})["w"]
    again = staging.copy({"w": torch.zeros(3), "moments": {0: torch.ones(2)}})
    assert again["w"] is first and first.sum() == 0
    assert torch.equal(again["moments"][0], torch.ones(2))
    assert staging.copy({"w": torch.ones(4, dtype=torch.float64)})["w"].dtype == torch.float64


def test_integers_and_numbers_without_a_shape_keep_their_type():
    state = {"tracked": torch.tensor(7), "bytes": torch.tensor([1, 2], dtype=torch.uint8)}
    copied = Staging().copy(state)
    for name, tensor in state.items():
        assert torch.equal(copied[name], tensor) and copied[name].dtype == tensor.dtype
