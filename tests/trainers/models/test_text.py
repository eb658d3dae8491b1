"""Tests of trainers/models/text.py."""

import torch

from configs.models import TextConfig
from trainers.models.text import TextTower


def tower() -> TextTower:
    torch.manual_seed(0)
    return TextTower(TextConfig(word_dim=12, hidden_dim=20), vocabulary=64, embedding_dim=8)


def test_pads_change_nothing() -> None:
    model = tower()
    model.fc1.bias.data.fill_(5.0)
    short = torch.tensor([[3, 9, 4]])
    long = torch.tensor([[3, 9, 4, 0, 0]])
    torch.testing.assert_close(model(short).embedding_ND, model(long).embedding_ND)
    assert model(long).mask_NL.tolist() == [[True, True, True, False, False]]
    assert not model(long).words_NLC[0, 3:].any()


def test_it_is_linear_relu_max_linear() -> None:
    model = tower()
    tokens = torch.tensor([[3, 9, 4], [5, 5, 6]])
    hidden = torch.relu(model.fc1(model.word_embd(tokens))).max(dim=1).values
    torch.testing.assert_close(model(tokens).embedding_ND, model.fc2(hidden))


def test_a_window_of_pads_is_finite_and_its_gradient_too() -> None:
    model = tower()
    out = model(torch.tensor([[0, 0, 0], [1, 2, 0]])).embedding_ND
    assert torch.equal(out[0], model.fc2.bias)
    out.sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    assert not model.word_embd.weight.grad[0].any()


def test_counted_pads_take_part_in_the_maximum_as_the_published_weights_need_it() -> None:
    config = TextConfig(word_dim=12, hidden_dim=20, pads="counted")
    model = TextTower(config, vocabulary=64, embedding_dim=8)
    model.word_embd.weight.data.normal_()  # the published file has numbers at the pad, too
    tokens = torch.tensor([[3, 9, 4, 0, 0]])
    hidden = torch.relu(model.fc1(model.word_embd.weight[tokens]))
    out = model(tokens)
    torch.testing.assert_close(out.embedding_ND, model.fc2(hidden.max(dim=1).values))
    assert not torch.allclose(out.embedding_ND, model(tokens[:, :3]).embedding_ND)
    assert out.mask_NL.tolist() == [[True, True, True, False, False]]


def test_fixed_word_embeddings_get_no_gradient() -> None:
    config = TextConfig(word_dim=12, hidden_dim=20, train_words=False)
    model = TextTower(config, vocabulary=64, embedding_dim=8)
    model(torch.tensor([[3, 9]])).embedding_ND.sum().backward()
    assert model.word_embd.weight.grad is None
    assert model.fc1.weight.grad.abs().sum() > 0
