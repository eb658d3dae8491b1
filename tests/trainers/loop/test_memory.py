import torch

from trainers.loop.memory import memory_bytes


def test_memory_that_is_taken_is_counted():
    before = memory_bytes(torch.device("cpu"))
    held = bytearray(b"x" * 2**26)
    after = memory_bytes(torch.device("cpu"))
    assert after["rss"] - before["rss"] > 0.9 * len(held)
    assert after["rss_peak"] >= after["rss"] - 2**20
    assert set(after) == {"rss", "rss_peak"}
