"""Tests of trainers/models/translator.py."""

import torch

from configs.models import TranslatorConfig
from trainers.models.translator import Translator


def translator(dropout: float = 0.0) -> Translator:
    torch.manual_seed(0)
    return Translator(TranslatorConfig(hidden_dim=16, dropout=dropout), video_dim=6, word_dim=5)


def mask_of(lengths: list[int], total: int) -> torch.Tensor:
    return torch.arange(total) < torch.tensor(lengths).unsqueeze(1)


def test_padding_of_the_source_changes_nothing() -> None:
    model = translator()
    words = torch.randn(2, 4, 5)
    long = torch.cat([words, 100 * torch.ones(2, 3, 5)], dim=1)
    short_out = model(words, mask_of([4, 2], 4), "words", "video", 3)
    long_out = model(long, mask_of([4, 2], 7), "words", "video", 3)
    torch.testing.assert_close(short_out, long_out)
    alone = model(words[1:, :2], mask_of([2], 2), "words", "video", 3)
    torch.testing.assert_close(short_out[1:], alone)


def test_a_source_without_valid_positions_is_finite() -> None:
    model = translator()
    words = torch.randn(2, 4, 5, requires_grad=True)
    out = model(words, mask_of([0, 3], 4), "words", "video", 3)
    out.sum().backward()
    assert out.isfinite().all()
    assert words.grad.isfinite().all()


def test_the_output_is_linear_and_not_squeezed_into_one() -> None:
    model = translator()
    source, mask = torch.randn(2, 4, 6), mask_of([4, 4], 4)
    out = model(source, mask, "video", "words", 3)
    for parameter in model.ways_out["words"].parameters():
        parameter.data.mul_(50)
    torch.testing.assert_close(model(source, mask, "video", "words", 3), 50 * out)


def test_one_core_serves_both_directions() -> None:
    model = translator()
    steps, words = torch.randn(2, 4, 6), torch.randn(2, 3, 5)
    for source, kind, wanted in ((steps, "video", "words"), (words, "words", "video")):
        model.zero_grad()
        model(
            source, mask_of([source.shape[1]] * 2, source.shape[1]), kind, wanted, 3
        ).sum().backward()
        assert model.encoder.weight_ih_l0.grad.abs().sum() > 0
        assert model.decoder.weight_ih_l0.grad.abs().sum() > 0
        assert (
            model.ways_in[wanted].weight.grad is None or not model.ways_in[wanted].weight.grad.any()
        )


def test_evaluation_repeats_itself_and_dropout_acts_in_training_only() -> None:
    model = translator(dropout=0.5)
    source, mask = torch.randn(2, 4, 6), mask_of([4, 4], 4)
    assert not torch.equal(*(model(source, mask, "video", "words", 3) for _ in range(2)))
    model.eval()
    assert torch.equal(*(model(source, mask, "video", "words", 3) for _ in range(2)))


def test_it_learns_to_turn_a_sequence_around() -> None:
    model = translator()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    source = torch.randn(64, 4, 6)
    target, mask = source.flip(1)[..., :5], mask_of([4] * 64, 4)
    for _ in range(150):
        loss = (model(source, mask, "video", "words", 4) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * target.var().item()
