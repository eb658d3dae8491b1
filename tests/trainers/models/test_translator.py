"""Tests of trainers/models/translator.py, each for every kind of core."""

import pytest
import torch
from torch import Tensor

from configs.models import TranslatorConfig
from trainers.models.translator import Translator

pytestmark = pytest.mark.parametrize("kind", ["queries", "recurrent", "transformer"])


def translator(kind: str, dropout: float = 0.0, **widths: int) -> Translator:
    torch.manual_seed(0)
    config = TranslatorConfig(kind=kind, hidden_dim=16, dropout=dropout)
    return Translator(config, widths or {"video": 6, "words": 5})


def mask_of(lengths: list[int], total: int) -> Tensor:
    return torch.arange(total) < torch.tensor(lengths).unsqueeze(1)


def test_padding_of_the_source_changes_nothing(kind: str) -> None:
    model = translator(kind)
    words = torch.randn(2, 4, 5)
    long = torch.cat([words, 100 * torch.ones(2, 3, 5)], dim=1)
    short_out = model(words, mask_of([4, 2], 4), "words", "video", 3)
    long_out = model(long, mask_of([4, 2], 7), "words", "video", 3)
    torch.testing.assert_close(short_out, long_out)
    alone = model(words[1:, :2], mask_of([2], 2), "words", "video", 3)
    torch.testing.assert_close(short_out[1:], alone)


def test_what_stands_at_padded_positions_does_not_touch_a_bit(kind: str) -> None:
    model, mask = translator(kind), mask_of([4, 2, 0], 5)
    words = torch.randn(3, 5, 5)
    dirty = torch.where(mask.unsqueeze(-1), words, 1e4 * torch.randn(3, 5, 5))
    clean, other = (model.encode(x, mask, "words") for x in (words, dirty))
    assert torch.equal(clean, other)
    assert not clean[~mask].any()
    assert torch.equal(*(model.decode(x, mask, "video", 3) for x in (clean, other)))
    seen = clean.masked_fill(~mask.unsqueeze(-1), 7.0)
    assert torch.equal(
        model.decode(seen, mask, "video", 3)[:2], model.decode(clean, mask, "video", 3)[:2]
    )


def test_a_source_without_valid_positions_is_finite(kind: str) -> None:
    model = translator(kind)
    words = torch.randn(2, 4, 5, requires_grad=True)
    out = model(words, mask_of([0, 3], 4), "words", "video", 3)
    out.sum().backward()
    assert out.isfinite().all()
    assert words.grad.isfinite().all()
    assert not words.grad[0].any()


def test_the_output_is_linear_and_not_squeezed_into_one(kind: str) -> None:
    model = translator(kind)
    source, mask = torch.randn(2, 4, 6), mask_of([4, 4], 4)
    out = model(source, mask, "video", "words", 1)
    for parameter in model.ways_out["words"].parameters():
        parameter.data.mul_(50)
    torch.testing.assert_close(model(source, mask, "video", "words", 1), 50 * out)


def test_one_core_serves_all_directions_between_named_modalities(kind: str) -> None:
    model = translator(kind, fou=6, pix=4, kar=3)
    assert model.modalities == ("fou", "pix", "kar")
    widths = {"fou": 6, "pix": 4, "kar": 3}
    for source, target in (("fou", "pix"), ("pix", "fou"), ("kar", "pix")):
        model.zero_grad()
        x = torch.randn(2, 4, widths[source])
        out = model(x, mask_of([4, 3], 4), source, target, 5)
        assert out.shape == (2, 5, widths[target])
        out.square().sum().backward()
        assert all(p.grad.any() for p in model.core.encoder.parameters() if p.grad is not None)
        third = ({"fou", "pix", "kar"} - {source, target}).pop()
        assert model.ways_in[source].weight.grad.any()
        assert model.ways_out[target].weight.grad.any()
        for ways in (model.ways_in, model.ways_out):
            assert ways[third].weight.grad is None or not ways[third].weight.grad.any()


def test_every_weight_of_the_core_learns(kind: str) -> None:
    model = translator(kind)
    out = model(torch.randn(3, 4, 6), mask_of([4, 2, 3], 4), "video", "words", 3)
    out.square().sum().backward()
    idle = [n for n, p in model.core.named_parameters() if p.grad is None or not p.grad.any()]
    # One modality is not asked for, and no softmax sees what is added to all of its logits.
    assert all(
        n.endswith(".video") or n.startswith("key.bias") or "in_proj_bias" in n for n in idle
    )


def test_evaluation_repeats_itself_and_dropout_acts_in_training_only(kind: str) -> None:
    model = translator(kind, dropout=0.5)
    source, mask = torch.randn(2, 4, 6), mask_of([4, 4], 4)
    assert not torch.equal(*(model(source, mask, "video", "words", 3) for _ in range(2)))
    model.eval()
    assert torch.equal(*(model(source, mask, "video", "words", 3) for _ in range(2)))


def test_statistics_are_set_for_the_modality_that_is_named(kind: str) -> None:
    model = translator(kind)
    model.set_statistics("words", torch.full((5,), 3.0), torch.full((5,), 2.0))
    assert torch.equal(
        model.standardise["words"](torch.full((1, 1, 5), 7.0)), torch.full((1, 1, 5), 2.0)
    )
    assert torch.equal(model.standardise["video"](torch.ones(1, 1, 6)), torch.ones(1, 1, 6))
    assert "standardise.words.mean" in model.state_dict()


def test_a_translator_needs_two_modalities(kind: str) -> None:
    with pytest.raises(ValueError, match="two modalities or more, got \\['video'\\]"):
        translator(kind, video=3)


def test_it_learns_to_turn_a_sequence_around(kind: str) -> None:
    model = translator(kind)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    source = torch.randn(64, 4, 6)
    target, mask = source.flip(1)[..., :5], mask_of([4] * 64, 4)
    for _ in range(150):
        loss = (model(source, mask, "video", "words", 4) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * target.var().item()
