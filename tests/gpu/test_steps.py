"""Steps on a GPU: beside the CPU's, twice the same, in bf16, recomputed and compiled."""

import io

import pytest
import torch

CPU = torch.device("cpu")


def losses(results):
    return torch.tensor([result.figures["train/loss"] for result in results], dtype=torch.float64)


def equal(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("cache", [False, True])
def test_a_gpu_trains_as_a_cpu_does(device, train, cache):
    ours, _ = train(device, cache=cache)
    theirs, _ = train(CPU, cache=cache)
    torch.testing.assert_close(losses(ours), losses(theirs), rtol=1e-3, atol=0)


def test_with_the_switch_two_runs_have_the_same_bits(device, train):
    one, two = train(device, deterministic=True), train(device, deterministic=True)
    assert torch.equal(losses(one[0]), losses(two[0]))
    assert equal(one[1], two[1])


def test_bf16_learns_the_same_and_keeps_weights_in_float32(device, train):
    full, _ = train(device)
    half, state = train(device, precision="bf16")
    torch.testing.assert_close(losses(half), losses(full), rtol=0.05, atol=0)
    assert {t.dtype for t in state.values() if t.is_floating_point()} == {torch.float32}


def test_recomputation_changes_no_bit(device, train):
    kept = train(device, deterministic=True)
    again = train(device, deterministic=True, recompute=True)
    assert torch.equal(losses(kept[0]), losses(again[0]))
    assert equal(kept[1], again[1])


def test_recomputation_takes_less_memory(device, train):
    peaks = []
    for recompute in (False, True):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        train(device, steps=1, recompute=recompute)
        peaks.append(torch.cuda.max_memory_allocated())
    assert peaks[1] < peaks[0]


def test_a_compiled_tower_trains_as_the_plain_one(device, train):
    plain, compiled = train(device), train(device, compile=True)
    torch.testing.assert_close(losses(compiled[0]), losses(plain[0]), rtol=1e-3, atol=0)
    assert compiled[1].keys() == plain[1].keys()


def test_a_state_from_a_gpu_is_read_by_a_cpu(device, train):
    _, state = train(device, steps=1)
    stream = io.BytesIO()
    torch.save({name: tensor.to(device) for name, tensor in state.items()}, stream)
    stream.seek(0)
    read = torch.load(stream, map_location="cpu", weights_only=True)
    assert equal(read, state)
