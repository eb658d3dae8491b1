"""Tests of trainers/losses/bag_sums.py in one process."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from trainers.losses.bag_sums import Options, bag_sums
from trainers.losses.bags import check_bags


class LargestTensor(TorchDispatchMode):
    """Notes the most elements that any tensor has that is made under it."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple | list) else [made]:
            if isinstance(one, torch.Tensor):
                self.elements = max(self.elements, one.numel())
        return made


def given(num_clips=12, num_windows=3, width=8, dtype=torch.float64):
    generator = torch.Generator().manual_seed(num_clips)
    video = torch.randn(num_clips, width, generator=generator).to(dtype).requires_grad_()
    text = torch.randn(num_clips, num_windows, width, generator=generator)
    mask = torch.rand(num_clips, num_windows, generator=generator) > 0.3
    mask[:, 0] = True
    ids = torch.randint(0, num_clips // 2, (num_clips,), generator=generator)
    return video, text.to(dtype).requires_grad_(), mask, ids


def whole(video, text, mask, ids, temperature, own_in_columns):
    """The sums from all logits at once."""
    logits = torch.einsum("bd,jkd->bjk", video, text) / temperature
    own = torch.eye(len(video), dtype=torch.bool)
    others = ~own & (ids[:, None] != ids)
    rows = (own | others)[:, :, None] & mask
    columns = (others | own if own_in_columns else others)[:, :, None] & mask
    own_BK = torch.einsum("bd,bkd->bk", video, text) / temperature
    return (
        logits.masked_fill(~rows, -torch.inf).logsumexp(dim=(1, 2)),
        logits.masked_fill(~columns, -torch.inf).logsumexp(dim=(0, 2)),
        own_BK.masked_fill(~mask, -torch.inf).logsumexp(dim=1),
    )


@pytest.mark.parametrize("ring", [False, True])
@pytest.mark.parametrize("chunk", [0, 1, 5, 12, 50])
@pytest.mark.parametrize("own_in_columns", [False, True])
def test_any_chunk_gives_the_sums_and_gradients_of_all_logits_at_once(own_in_columns, chunk, ring):
    video, text, mask, ids = given()
    options = Options(0.7, own_in_columns, chunk, ring)
    sums = bag_sums(check_bags(video, text, mask, ids), options)
    expected = whole(video, text, mask, ids, 0.7, own_in_columns)
    for place, (got, true) in enumerate(zip(sums, expected, strict=True)):
        torch.testing.assert_close(got, true)
        # Unequal weights: a gradient that went to another clip would show.
        weights = torch.arange(1.0, len(video) + 1, dtype=torch.float64) * (-1) ** place
        parts = (torch.autograd.grad((x @ weights), [video, text], retain_graph=True) for x in
                 (got, true))  # fmt: skip
        torch.testing.assert_close(*parts)


def test_autograd_agrees_with_differences():
    video, text, mask, ids = given(num_clips=5, num_windows=2, width=3)
    bags = check_bags(video, text, mask, ids)
    for own_in_columns in (False, True):
        options = Options(1.3, own_in_columns, 2, False)
        assert torch.autograd.gradcheck(
            lambda video, text, options=options: tuple(
                bag_sums(bags._replace(video_BD=video, text_BKD=text), options)
            ),
            (video, text),
        )


@pytest.mark.parametrize("ring", [False, True])
def test_no_tensor_is_larger_than_two_chunks_of_logits_or_the_texts(ring):
    num_clips, num_windows, width, chunk = 48, 5, 4, 4
    video, text, mask, ids = given(num_clips, num_windows, width, torch.float32)
    with LargestTensor() as largest:
        sums = bag_sums(check_bags(video, text, mask, ids), Options(1.0, False, chunk, ring))
        torch.stack(list(sums)).sum().backward()
    bound = max(2 * chunk * num_clips * num_windows, num_clips * num_windows * width)
    assert chunk * num_clips * num_windows <= largest.elements <= bound
    assert bound < num_clips * num_clips * num_windows / 4


def test_no_logit_is_kept_for_the_backward_pass():
    video, text, mask, ids = given(40, 2, 4)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
        bag_sums(check_bags(video, text, mask, ids), Options(1.0, True, 8, False))
    assert max(x.numel() for x in saved) <= text.numel()


def test_autocast_does_not_reach_the_logits():
    video, text, mask, ids = given(dtype=torch.float32)
    bags, options = check_bags(video, text, mask, ids), Options(1.0, True, 4, False)
    plain = bag_sums(bags, options)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = bag_sums(bags, options)
    for one, other in zip(plain, cast, strict=True):
        assert torch.equal(one, other)
    torch.stack(list(cast)).sum().backward()
    assert video.grad.dtype == torch.float32


def test_a_second_backward_pass_gives_the_same():
    video, text, mask, ids = given()
    sums = bag_sums(check_bags(video, text, mask, ids), Options(1.0, True, 5, False))
    total = torch.stack(list(sums)).sum()
    first = torch.autograd.grad(total, [video, text], retain_graph=True)
    again = torch.autograd.grad(total, [video, text])
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
