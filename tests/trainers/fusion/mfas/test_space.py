"""Tests of trainers/fusion/mfas/space.py and unit.py."""

import pytest
import torch

from configs.mfas import UnitConfig
from trainers.fusion.mfas.space import Space, Unit, parse, text
from trainers.fusion.mfas.unit import FusionLayers

AVMNIST = Space({"image": 3, "audio": 5})


def test_the_space_of_av_mnist_is_that_of_the_paper() -> None:
    units = AVMNIST.units()
    assert len(set(units)) == len(units) == 30
    assert AVMNIST.last() == (Unit((2, 4), "relu"),)
    assert Space.of(["image/0", "image/1", "audio/0"]) == Space({"image": 2, "audio": 1})


def test_an_architecture_can_be_written_and_read_in_both_forms() -> None:
    architecture = (Unit((1, 0), "sigmoid"), Unit((2, 4), "relu"))
    assert parse(text(architecture)) == architecture
    settings = AVMNIST.to_settings(architecture)
    assert settings[0] == UnitConfig(layers={"image": 1, "audio": 0}, activation="sigmoid")
    assert AVMNIST.from_settings(settings) == architecture


@pytest.mark.parametrize("layers", [{"image": 3, "audio": 0}, {"image": 0}, {"image": 0, "x": 0}])
def test_settings_that_do_not_fit_are_refused(layers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="layers must be one of each modality"):
        AVMNIST.from_settings([UnitConfig(layers=layers, activation="relu")])


def test_fusion_layers_are_the_equation_for_three_modalities() -> None:
    torch.manual_seed(0)
    space = Space({"a": 2, "b": 1, "c": 1})
    architecture = (Unit((1, 0, 0), "relu"), Unit((0, 0, 0), "sigmoid"))
    widths = {"a/0": 2, "a/1": 3, "b/0": 4, "c/0": 5}
    layers = {name: torch.randn(6, width) for name, width in widths.items()}
    network = FusionLayers(space, architecture, widths, hidden=7, outputs=3)
    (w1, b1), (w2, b2), (w, b) = (
        (part.weight, part.bias) for part in (*network.units, network.out)
    )
    x1 = torch.cat([layers["a/1"], layers["b/0"], layers["c/0"]], dim=1)
    h1 = torch.relu(x1 @ w1.T + b1)
    x2 = torch.cat([layers["a/0"], layers["b/0"], layers["c/0"], h1], dim=1)
    h2 = torch.sigmoid(x2 @ w2.T + b2)
    torch.testing.assert_close(network(network.inputs(layers)), h2 @ w.T + b)


def test_a_unit_is_shared_by_its_level_and_its_choices() -> None:
    widths = {f"image/{i}": 8 * 2**i for i in range(3)} | {f"audio/{i}": 8 * 2**i for i in range(5)}
    u, v = Unit((0, 0), "relu"), Unit((1, 2), "sigmoid")
    keys = [
        set(FusionLayers(AVMNIST, one, widths, 16, 10).shared()) for one in ((u,), (u, v), (v, u))
    ]
    assert keys[0] & keys[1] == {"0:0,0,relu"}
    assert not keys[1] & keys[2]
