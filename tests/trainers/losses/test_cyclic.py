"""Tests of trainers/losses/cyclic.py."""

import pytest
import torch
from torch import Tensor

from configs.models import TranslatorConfig
from configs.objectives import CyclicConfig
from trainers.losses.cyclic import CyclicTranslation, TranslationError, choose_windows, masked_mse
from trainers.models.outputs import TextOutput, VideoOutput
from trainers.models.standardise import masked_statistics
from trainers.models.translator import Translator


def objective(**settings: float) -> CyclicTranslation:
    torch.manual_seed(0)
    translator = Translator(TranslatorConfig(hidden_dim=16), {"video": 6, "words": 5})
    return CyclicTranslation(CyclicConfig(**settings), translator)


def mask_of(lengths: list[int], total: int) -> Tensor:
    return torch.arange(total) < torch.tensor(lengths).unsqueeze(1)


def sequences(num_clips: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(num_clips)
    video = 2 + torch.randn(num_clips, 4, 6, generator=generator)
    words = torch.randn(num_clips, 5, 5, generator=generator)
    return video, words, mask_of([1 + i % 5 for i in range(num_clips)], 5)


def towers(num_clips: int, num_windows: int) -> tuple[VideoOutput, TextOutput, Tensor]:
    video, _, _ = sequences(num_clips)
    _, words, mask = sequences(num_clips * num_windows)
    generator = torch.Generator().manual_seed(7)
    video_BD = torch.randn(num_clips, 3, generator=generator)
    text_ND = torch.randn(num_clips * num_windows, 3, generator=generator)
    windows = torch.ones(num_clips, num_windows, dtype=torch.bool)
    return VideoOutput(video_BD, video, video.mean(1)), TextOutput(text_ND, words, mask), windows


def test_pads_count_neither_in_loss_nor_in_error() -> None:
    cyclic = objective()
    video, words, mask = sequences(6)
    dirty = words.masked_fill(~mask.unsqueeze(-1), 1e4)
    one, two = cyclic(video, words, mask), cyclic(video, dirty, mask)
    torch.testing.assert_close(one.total, two.total)
    assert one.relative_error == pytest.approx(two.relative_error)


def test_the_loss_of_a_batch_is_that_of_its_micro_batches() -> None:
    cyclic = objective()
    video, words, mask = sequences(6)
    whole = cyclic(video, words, mask)
    parts = [cyclic(video[s], words[s], mask[s]) for s in (slice(0, 2), slice(2, 6))]
    torch.testing.assert_close(whole.total, (2 * parts[0].total + 4 * parts[1].total) / 6)
    assert (parts[0].error + parts[1].error).relative == pytest.approx(whole.relative_error)


def test_the_total_is_weighted_and_a_cycle_without_weight_is_not_run() -> None:
    video, words, mask = sequences(4)
    both = objective(forward_weight=2.0, cycle_weight=0.5)(video, words, mask)
    torch.testing.assert_close(both.total, 2 * both.forward + 0.5 * both.cycle)
    assert both.cycle > 0
    assert objective(cycle_weight=0.0)(video, words, mask).cycle == 0


def test_targets_get_no_gradient_and_sources_do() -> None:
    video, words, mask = sequences(4)
    words.requires_grad_()
    video.requires_grad_()
    objective(cycle_weight=0.0)(video, words, mask).total.backward()
    assert words.grad is None
    assert video.grad.abs().sum() > 0

    cycle_only = objective(forward_weight=0.0)
    loss = cycle_only(video, words, mask)
    got = torch.autograd.grad(loss.total, video)[0]
    # The same gradient with the target replaced by numbers: nothing flows through the target.
    source = video.detach().requires_grad_()
    translator = cycle_only.translator
    steps = torch.ones(4, 4, dtype=torch.bool)
    guess = translator(source, steps, "video", "words", 5)
    back = translator(guess, mask, "words", "video", 4)
    expected = torch.autograd.grad(masked_mse(back, video.detach(), steps), source)[0]
    torch.testing.assert_close(got, expected)


def test_the_cycle_trains_the_way_there() -> None:
    cyclic = objective(forward_weight=0.0)
    cyclic(*sequences(4)).total.backward()
    assert cyclic.translator.ways_out["words"].weight.grad.abs().sum() > 0


def test_the_relative_error_is_one_for_the_mean_and_zero_for_the_truth() -> None:
    _, words, mask = sequences(8)
    mean = words[mask].mean(dim=0).expand_as(words)
    assert TranslationError.measure(mean, words, mask).relative == pytest.approx(1.0)
    assert TranslationError.measure(words, words, mask).relative == 0
    shifted = TranslationError.measure(mean + 5, words + 5, mask)
    assert shifted.relative == pytest.approx(1.0)


def test_statistics_are_set_once_and_training_leaves_them() -> None:
    cyclic = objective()
    video, text, windows = towers(4, 3)
    steps = torch.ones(4, 4, dtype=torch.bool)
    translator = cyclic.translator
    translator.set_statistics("video", *masked_statistics(video.sequence_BSC, steps))
    translator.set_statistics("words", *masked_statistics(text.words_NLC, text.mask_NL))
    kept = {k: v.clone() for k, v in cyclic.translator.named_buffers()}
    assert len(kept) == 4
    shifted = VideoOutput(video.embedding_BD, video.sequence_BSC + 1e3, video.feature_BC)
    cyclic.train()
    cyclic.on_bags(shifted, text, windows).total.backward()
    assert all(torch.equal(v, kept[k]) for k, v in cyclic.translator.named_buffers())


def test_the_most_similar_window_is_chosen_among_those_that_exist() -> None:
    video, text, windows = towers(4, 3)
    scores = torch.einsum("bd,bkd->bk", video.embedding_BD, text.embedding_ND.view(4, 3, 3))
    best = scores.argmax(dim=1)
    config = CyclicConfig(target_window="most_similar")
    assert torch.equal(choose_windows(config, video, text, windows), 3 * torch.arange(4) + best)

    windows[torch.arange(4), best] = False
    second = scores.masked_fill(~windows, -torch.inf).argmax(dim=1)
    assert not torch.equal(second, best)
    assert torch.equal(choose_windows(config, video, text, windows), 3 * torch.arange(4) + second)


def test_targets_are_standardised() -> None:
    cyclic = objective()
    video, words, mask = sequences(6)
    before = cyclic(video, words, mask)
    mean, std = torch.full((5,), 3.0), torch.full((5,), 2.0)
    cyclic.translator.set_statistics("words", mean, std)
    after = cyclic(video, 3 + 2 * words, mask)
    torch.testing.assert_close(before.forward, after.forward)
    torch.testing.assert_close(before.cycle, after.cycle)


def test_the_nearest_window_is_the_first() -> None:
    video, text, windows = towers(4, 3)
    chosen = choose_windows(CyclicConfig(target_window="nearest"), video, text, windows)
    assert chosen.tolist() == [0, 3, 6, 9]


def test_on_bags_translates_into_the_chosen_windows() -> None:
    cyclic = objective(target_window="nearest")
    video, text, windows = towers(4, 3)
    whole = cyclic.on_bags(video, text, windows)
    direct = cyclic(video.sequence_BSC, text.words_NLC[::3], text.mask_NL[::3])
    torch.testing.assert_close(whole.total, direct.total)


def test_a_window_without_words_costs_nothing_and_is_finite() -> None:
    cyclic = objective()
    video, words, mask = sequences(3)
    mask[1] = False
    video.requires_grad_()
    loss = cyclic(video, words, mask)
    loss.total.backward()
    assert loss.total.isfinite()
    assert video.grad.isfinite().all()
    assert not video.grad[1].any()


def test_it_learns_what_can_be_learned() -> None:
    cyclic = objective()
    video = torch.randn(96, 4, 6, generator=torch.Generator().manual_seed(0))
    words = torch.cat([video, video[:, :1]], dim=1)[..., :5]
    mask = mask_of([5] * 96, 5)
    optimizer = torch.optim.Adam(cyclic.parameters(), lr=1e-2)
    for _ in range(120):
        loss = cyclic(video, words, mask)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
    assert loss.relative_error < 0.5
    assert loss.cycle < 0.7


def test_sequences_that_do_not_pair_up_are_refused() -> None:
    video, words, mask = sequences(4)
    with pytest.raises(ValueError, match="agree in B and L"):
        objective()(video, words[:3], mask)
