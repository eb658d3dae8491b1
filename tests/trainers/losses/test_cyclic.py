"""Tests of trainers/losses/cyclic.py."""

from typing import get_args

import pytest
import torch
from torch import Tensor

from configs.models import TranslatorConfig
from configs.objectives import CyclicConfig, Direction
from trainers.losses.cyclic import CyclicLoss, CyclicTranslation, Translation
from trainers.losses.translation_error import squared_errors
from trainers.models.outputs import TextOutput, VideoOutput
from trainers.models.standardise import masked_statistics
from trainers.models.translator import Translator

ALL: tuple[Direction, ...] = get_args(Direction)
WIDTHS = {"video": 6, "words": 5, "audio": 3}


class Clips:
    """Clips with bags of windows and sound, random and the same each time."""

    def __init__(self, num_clips: int = 4, num_windows: int = 1) -> None:
        generator = torch.Generator().manual_seed(7 + num_clips)
        num = num_clips * num_windows
        self.video_BSC = 2 + torch.randn(num_clips, 4, 6, generator=generator)
        self.words_NLC = torch.randn(num, 5, 5, generator=generator)
        self.words_mask_NL = mask_of([1 + i % 5 for i in range(num)], 5)
        self.windows_BK = torch.ones(num_clips, num_windows, dtype=torch.bool)
        self.video_BD = torch.randn(num_clips, 3, generator=generator)
        self.text_ND = torch.randn(num, 3, generator=generator)
        self.mel_BFM = torch.randn(num_clips, 7, 3, generator=generator)
        self.heard_B = torch.ones(num_clips, dtype=torch.bool)

    def towers(self) -> tuple[VideoOutput, TextOutput]:
        video = VideoOutput(self.video_BD, self.video_BSC, self.video_BSC.mean(1))
        return video, TextOutput(self.text_ND, self.words_NLC, self.words_mask_NL)

    def through(self, cyclic: CyclicTranslation) -> CyclicLoss:
        return cyclic(*self.towers(), self.windows_BK, self.mel_BFM, self.heard_B)

    def part(self, clips: slice) -> "Clips":
        """Return some of the clips, where bags are of one window."""
        some = Clips.__new__(Clips)
        for name, value in vars(self).items():
            setattr(some, name, value[clips])
        return some


def mask_of(lengths: list[int], total: int) -> Tensor:
    return torch.arange(total) < torch.tensor(lengths).unsqueeze(1)


def objective(*directions: Direction, **settings: object) -> CyclicTranslation:
    torch.manual_seed(0)
    translator = Translator(TranslatorConfig(hidden_dim=16), WIDTHS)
    config = CyclicConfig(directions=directions or ("video->words",), **settings)
    return CyclicTranslation(config, translator)


def only(loss: CyclicLoss) -> Translation:
    (translation,) = loss.directions.values()
    return translation


@pytest.mark.parametrize("direction", ALL)
def test_each_direction_is_the_translation_there_and_back(direction: Direction) -> None:
    clips, cyclic = Clips(6), objective(direction)
    source, target = direction.split("->")
    audio_mask = torch.ones(6, 7, dtype=torch.bool)
    values = {"video": clips.video_BSC, "words": clips.words_NLC, "audio": clips.mel_BFM}
    masks = {"video": audio_mask[:, :4], "words": clips.words_mask_NL, "audio": audio_mask}
    x, y, translator = values[source], values[target], cyclic.translator
    guess = translator(x, masks[source], source, target, y.shape[1])
    back = translator(guess, masks[target], target, source, x.shape[1])
    got = only(clips.through(cyclic))
    torch.testing.assert_close(got.forward, squared_errors(guess, y, masks[target]).mean())
    torch.testing.assert_close(got.cycle, squared_errors(back, x, masks[source]).mean())


@pytest.mark.parametrize("choice", ["nearest", "most_similar", "soft"])
def test_pads_count_neither_in_loss_nor_in_error(choice: str) -> None:
    cyclic = objective(*ALL, target_window=choice)
    clean, dirty = Clips(6, 3), Clips(6, 3)
    dirty.words_NLC[~dirty.words_mask_NL] = 1e4
    # Nobody has a fourth word: what stands there is not even looked at.
    for clips in (clean, dirty):
        clips.words_mask_NL[:, 3:] = False
    one, two = clean.through(cyclic), dirty.through(cyclic)
    torch.testing.assert_close(one.total, two.total)
    for direction in ALL:
        errors = (loss.directions[direction].error.relative for loss in (one, two))
        assert next(errors) == pytest.approx(next(errors))


def test_the_loss_of_a_batch_is_that_of_its_micro_batches() -> None:
    cyclic, clips = objective(*ALL), Clips(6)
    clips.heard_B[1] = False
    clips.words_mask_NL[5] = False
    whole = clips.through(cyclic)
    parts = [clips.part(s).through(cyclic) for s in (slice(0, 2), slice(2, 6))]
    torch.testing.assert_close(whole.total, (2 * parts[0].total + 4 * parts[1].total) / 6)
    for direction in ALL:
        one, other = (part.directions[direction].error for part in parts)
        expected = whole.directions[direction].error.relative
        assert (one + other).relative == pytest.approx(expected)


def test_the_total_is_weighted_and_a_cycle_without_weight_is_not_run() -> None:
    both = Clips().through(objective(*ALL, forward_weight=2.0, cycle_weight=0.5))
    for one in both.directions.values():
        torch.testing.assert_close(one.weighted, 2 * one.forward + 0.5 * one.cycle)
        assert one.cycle > 0
    mean = torch.stack([one.weighted for one in both.directions.values()]).mean()
    torch.testing.assert_close(both.total, mean)
    assert only(Clips().through(objective(cycle_weight=0.0))).cycle == 0


def test_targets_get_no_gradient_and_sources_do() -> None:
    for direction, trained in (("video->words", "video_BSC"), ("words->video", "words_NLC")):
        clips = Clips()
        clips.video_BSC.requires_grad_()
        clips.words_NLC.requires_grad_()
        clips.through(objective(direction, cycle_weight=0.0)).total.backward()
        for name in ("video_BSC", "words_NLC"):
            gradient = getattr(clips, name).grad
            assert (gradient is not None and gradient.abs().sum() > 0) == (name == trained)


def test_the_cycle_compares_with_a_source_that_gets_no_gradient_from_there() -> None:
    clips, cyclic = Clips(), objective(forward_weight=0.0)
    clips.video_BSC.requires_grad_()
    got = torch.autograd.grad(clips.through(cyclic).total, clips.video_BSC)[0]
    # The same gradient with the target replaced by numbers: nothing flows through the target.
    source = clips.video_BSC.detach().requires_grad_()
    steps = torch.ones(4, 4, dtype=torch.bool)
    guess = cyclic.translator(source, steps, "video", "words", 5)
    back = cyclic.translator(guess, clips.words_mask_NL, "words", "video", 4)
    errors = squared_errors(back, clips.video_BSC.detach(), steps)
    torch.testing.assert_close(got, torch.autograd.grad(errors.mean(), source)[0])


def test_the_cycle_trains_the_way_there() -> None:
    cyclic = objective(forward_weight=0.0)
    Clips().through(cyclic).total.backward()
    assert cyclic.translator.ways_out["words"].weight.grad.abs().sum() > 0


def test_statistics_are_set_once_and_training_leaves_them() -> None:
    cyclic, clips = objective(*ALL), Clips(4, 3)
    for name, values, mask in (
        ("video", clips.video_BSC, torch.ones(4, 4, dtype=torch.bool)),
        ("words", clips.words_NLC, clips.words_mask_NL),
    ):
        cyclic.translator.set_statistics(name, *masked_statistics(values, mask))
    kept = {k: v.clone() for k, v in cyclic.translator.named_buffers()}
    assert len(kept) == 6
    clips.video_BSC += 1e3
    cyclic.train()
    clips.through(cyclic).total.backward()
    assert all(torch.equal(v, kept[k]) for k, v in cyclic.translator.named_buffers())


def test_targets_are_standardised() -> None:
    cyclic, clips = objective(), Clips(6)
    before = only(clips.through(cyclic))
    cyclic.translator.set_statistics("words", torch.full((5,), 3.0), torch.full((5,), 2.0))
    clips.words_NLC = 3 + 2 * clips.words_NLC
    after = only(clips.through(cyclic))
    torch.testing.assert_close(before.forward, after.forward)
    torch.testing.assert_close(before.cycle, after.cycle)


@pytest.mark.parametrize("direction", ALL)
def test_soft_losses_are_the_weighted_means_over_the_windows(direction: Direction) -> None:
    clips = Clips(4, 3)
    clips.windows_BK[1, 2] = False
    soft = objective(direction, target_window="soft")
    scores_BK = torch.einsum("bd,bkd->bk", clips.video_BD, clips.text_ND.view(4, 3, 3))
    weight_BK = scores_BK.masked_fill(~clips.windows_BK, -torch.inf).softmax(dim=1)

    def with_window(clip: int, window: int) -> Translation:
        one = Clips.__new__(Clips)
        vars(one).update({name: value[[clip]] for name, value in vars(clips).items()})
        row = [3 * clip + window]
        one.words_NLC, one.words_mask_NL = clips.words_NLC[row], clips.words_mask_NL[row]
        one.text_ND, one.windows_BK = clips.text_ND[row], torch.ones(1, 1, dtype=torch.bool)
        return only(one.through(objective(direction, target_window="nearest")))

    with torch.no_grad():
        each = [[with_window(b, k) for k in range(3)] for b in range(4)]
    forward_BK = torch.tensor([[one.forward for one in bag] for bag in each])
    got = only(clips.through(soft))
    torch.testing.assert_close(got.forward, (weight_BK * forward_BK).sum() / 4)
    cycle_BK = torch.tensor([[one.cycle for one in bag] for bag in each])
    if direction.startswith("words"):
        torch.testing.assert_close(got.cycle, (weight_BK * cycle_BK).sum() / 4)
    else:
        # The clip is translated once, and read back as long as its best window is.
        best_B = weight_BK.argmax(dim=1)
        torch.testing.assert_close(got.cycle, cycle_BK[torch.arange(4), best_B].mean())


@pytest.mark.parametrize("direction", ALL)
@pytest.mark.parametrize("choice", ["nearest", "soft"])
def test_a_clip_that_lacks_source_or_target_costs_nothing_and_is_finite(
    direction: Direction, choice: str
) -> None:
    """Whatever stands where its sound or its words would."""
    losses = []
    for rubbish in (0.0, 1e6):
        clips = Clips(3, 2)
        clips.words_mask_NL[2:4] = False
        clips.windows_BK[1] = False
        clips.heard_B[2] = False
        clips.words_NLC[2:4], clips.mel_BFM[2] = rubbish, rubbish
        clips.video_BSC.requires_grad_()
        loss = clips.through(objective(direction, target_window=choice))
        losses.append(loss.total.item())
        assert only(loss).error.squared_error_C.sum() < 1e3
        if direction.startswith("video"):
            loss.total.backward()
            assert clips.video_BSC.grad.isfinite().all()
            assert not clips.video_BSC.grad[1 if "words" in direction else 2].any()
    assert 0 < losses[0] < 1e3
    assert losses[0] == pytest.approx(losses[1])


def test_it_learns_what_can_be_learned() -> None:
    cyclic, clips = objective(), Clips(96)
    clips.video_BSC = torch.randn(96, 4, 6, generator=torch.Generator().manual_seed(0))
    clips.words_NLC = torch.cat([clips.video_BSC, clips.video_BSC[:, :1]], dim=1)[..., :5]
    clips.words_mask_NL = mask_of([5] * 96, 5)
    optimizer = torch.optim.Adam(cyclic.parameters(), lr=1e-2)
    for _ in range(120):
        loss = clips.through(cyclic)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
    assert only(loss).error.relative < 0.5
    assert only(loss).cycle < 0.7


def test_sound_is_asked_for_where_a_direction_needs_it() -> None:
    clips = Clips()
    with pytest.raises(ValueError, match="must have sound"):
        objective("video->audio")(*clips.towers(), clips.windows_BK)
    assert objective("video->words")(*clips.towers(), clips.windows_BK).total > 0
