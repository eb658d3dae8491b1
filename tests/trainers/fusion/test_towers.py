"""Tests of trainers/fusion/towers.py."""

import numpy as np
import pytest
import torch

from configs.networks import NetworksConfig
from trainers.fusion.towers import ImageTower, SequenceTower, build_tower, kind_of
from trainers.fusion.translation_network import Padded
from trainers.tasks.task import Sequences


def whole(*shape: int) -> Sequences:
    return Sequences(np.zeros(shape, dtype=np.float32), np.ones(shape[:2], dtype=bool))


def test_a_modality_is_what_its_examples_look_like() -> None:
    torn = whole(2, 28, 28)
    torn.mask_NT[1, 20:] = False
    assert kind_of(whole(2, 1, 99), each=False) == "vector"
    assert kind_of(whole(2, 28, 28), each=False) == "image"
    assert kind_of(torn, each=False) == "sequence"
    assert kind_of(whole(2, 28, 3), each=False) == "sequence"
    assert kind_of(whole(2, 28, 28), each=True) == "sequence"


def test_images_have_the_layers_of_the_paper() -> None:
    assert ImageTower(NetworksConfig(), (28, 28)).widths == [8, 16, 32]
    assert ImageTower(NetworksConfig(), (32, 32)).widths == [8, 16, 32, 64, 128]


@pytest.mark.parametrize("shape", [(3, 1, 5), (3, 12, 10), (3, 6, 4)])
def test_layers_are_as_wide_as_they_say(shape: tuple[int, ...]) -> None:
    tower = build_tower(NetworksConfig(), whole(*shape), each=False).eval()
    layers = tower(Padded(torch.randn(shape), torch.ones(shape[:2], dtype=torch.bool)))
    assert [tuple(layer.shape) for layer in layers] == [(3, width) for width in tower.widths]


@pytest.mark.parametrize("each", [True, False])
def test_padding_changes_nothing(each: bool) -> None:
    torch.manual_seed(0)
    tower = SequenceTower(NetworksConfig(), 4, each=each).eval()
    x_BTC, mask_BT = torch.randn(2, 5, 4), torch.arange(5) < torch.tensor([[3], [5]])
    short = tower(Padded(x_BTC[:1, :3], mask_BT[:1, :3]))
    padded = tower(Padded(x_BTC, mask_BT))
    for one, other in zip(short, padded, strict=True):
        torch.testing.assert_close(one[0], other[0, :3] if each else other[0])
        if each:
            assert not other[0, 3:].any()


def test_an_example_without_any_position_says_nothing() -> None:
    tower = SequenceTower(NetworksConfig(), 4, each=False).eval()
    for layer in tower(Padded(torch.randn(1, 5, 4), torch.zeros(1, 5, dtype=torch.bool))):
        assert not layer.any()


def test_channels_side_by_side_are_told_apart() -> None:
    torch.manual_seed(0)
    tower = ImageTower(NetworksConfig(), (8, 8), channels=2).eval()
    image_BTC = torch.randn(1, 8, 16)
    mask_BT = torch.ones(1, 8, dtype=torch.bool)
    seen = tower.blocks[0](image_BTC.reshape(1, 8, 2, 8).transpose(1, 2)).mean(dim=(2, 3))
    torch.testing.assert_close(tower(Padded(image_BTC, mask_BT))[0], seen)
    assert tower.widths == [16, 32, 64]
