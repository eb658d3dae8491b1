"""Batches on their way to a GPU."""

import torch


def test_a_pinned_batch_is_copied_without_waiting_and_whole(device, batches):
    pinned = batches(pin=True)
    plain = batches()
    assert all(batch.frames_BTHWC.is_pinned() for batch in pinned)
    moved = [batch.to(device) for batch in pinned]
    torch.cuda.synchronize()
    for there, here in zip(moved, plain, strict=True):
        for name in ("frames_BTHWC", "tokens_BKL", "mask_BK", "video_ids_B", "rows_B"):
            assert getattr(there, name).device.type == device.type
            assert torch.equal(getattr(there, name).cpu(), getattr(here, name))
