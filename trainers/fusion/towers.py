"""Towers: one network a modality, which shows what each of its layers makes of an example.

Which tower a modality has is read off its examples: a *vector* has one position; an *image* is a
sequence of rows all of which are there, at least 8 by 8; all else is a *sequence*. Layers are
shown as one vector an example: means over an image, means over the positions of a sequence that
are there; or, where each position has a label of its own, one vector a position. So the search of
MFAS may join any layers of any towers (Perez-Rua et al. 2019, section 3.1).

Shape letters in this file:
    B  examples    T  positions    C  width of a modality    F  width of a layer
    Y  rows of an image    X  columns of an image    H  channels of an image
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from configs.networks import NetworksConfig
from trainers.fusion.translation_network import Padded
from trainers.tasks.task import Sequences

Kind = Literal["vector", "image", "sequence"]

_LEAST_SIDE = 8


def kind_of(one: Sequences, *, each: bool) -> Kind:
    """Say what a modality is.

    Args:
        one: Of the train split.
        each: Whether each position has a label of its own; then it is a sequence.
    """
    if each:
        return "sequence"
    if one.mask_NT.shape[1] == 1:
        return "vector"
    sides = one.values_NTC.shape[1:]
    return "image" if one.mask_NT.all() and min(sides) >= _LEAST_SIDE else "sequence"


class VectorTower(nn.Module):
    """Two layers of a perceptron."""

    def __init__(self, config: NetworksConfig, width: int) -> None:
        super().__init__()
        self.widths = [config.hidden_dim, config.hidden_dim]
        self.first = _layer(config, width, config.hidden_dim)
        self.second = _layer(config, config.hidden_dim, config.hidden_dim)

    def forward(self, x: Padded) -> list[Tensor]:
        """Return the layers, `[B, F]` each."""
        first_BF = self.first(x.values_BSC[:, 0])
        return [first_BF, self.second(first_BF)]


class ImageTower(nn.Module):
    """A convolution at each resolution that halving an image reaches, until a side is odd.

    Of 28 rows there are three layers, of 32 five: what the MFAS paper has on AV-MNIST.
    """

    def __init__(self, config: NetworksConfig, sides: tuple[int, int], channels: int = 1) -> None:
        super().__init__()
        self.channels, self.widths = channels, []
        self.blocks = nn.ModuleList()
        side, width = min(sides), config.image_channels * channels
        while side > 1:
            self.blocks.append(_convolution(channels, width))
            self.widths.append(width)
            channels, width = width, 2 * width
            if side % 2:
                break
            side //= 2

    def forward(self, x: Padded) -> list[Tensor]:
        """Return the layers, `[B, F]` each; channels stand side by side in the columns of `x`."""
        columns = x.values_BSC.shape[2] // self.channels
        image_BHYX = x.values_BSC.unflatten(2, (self.channels, columns)).transpose(1, 2)
        layers: list[Tensor] = []
        for number, block in enumerate(self.blocks):
            if number:
                image_BHYX = nn.functional.max_pool2d(image_BHYX, 2)
            image_BHYX = block(image_BHYX)
            layers.append(image_BHYX.mean(dim=(2, 3)))
        return layers


class SequenceTower(nn.Module):
    """A layer of each position by itself, and a recurrence over them in both directions."""

    def __init__(self, config: NetworksConfig, width: int, *, each: bool) -> None:
        super().__init__()
        self.each = each
        self.widths = [config.hidden_dim, 2 * config.hidden_dim]
        self.first = _layer(config, width, config.hidden_dim)
        self.recurrence = nn.GRU(
            config.hidden_dim, config.hidden_dim, batch_first=True, bidirectional=True
        )

    def forward(self, x: Padded) -> list[Tensor]:
        """Return the layers, `[B, F]` each, or `[B, T, F]`; 0 at positions that are not there."""
        first_BTF = self.first(x.values_BSC) * x.mask_BS[:, :, None]
        layers = [first_BTF, self._recur(first_BTF, x.mask_BS)]
        return layers if self.each else [_mean(layer, x.mask_BS) for layer in layers]

    def _recur(self, first_BTF: Tensor, mask_BT: Tensor) -> Tensor:
        # An example without any position is given one, and what comes of it is put out again.
        length_B = mask_BT.sum(dim=1).clamp_min(1).cpu()
        packed = pack_padded_sequence(first_BTF, length_B, batch_first=True, enforce_sorted=False)
        outputs, _ = self.recurrence(packed)
        found_BTF, _ = pad_packed_sequence(outputs, batch_first=True, total_length=mask_BT.shape[1])
        return found_BTF * mask_BT[:, :, None]


Tower = VectorTower | ImageTower | SequenceTower


def build_tower(config: NetworksConfig, one: Sequences, *, each: bool, channels: int = 1) -> Tower:
    """Build the tower of a modality, by what its train split looks like.

    Args:
        config: Widths and dropout.
        one: Of the train split.
        each: Whether each position has a label of its own.
        channels: Images that stand side by side in the columns of `one`.
    """
    match kind_of(one, each=each):
        case "vector":
            return VectorTower(config, one.values_NTC.shape[2])
        case "image":
            rows, columns = one.values_NTC.shape[1:]
            return ImageTower(config, (rows, columns // channels), channels)
        case "sequence":
            return SequenceTower(config, one.values_NTC.shape[2], each=each)


def _layer(config: NetworksConfig, width: int, hidden: int) -> nn.Module:
    return nn.Sequential(nn.Dropout(config.dropout), nn.Linear(width, hidden), nn.ReLU())


def _convolution(channels: int, width: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )


def _mean(layer_BTF: Tensor, mask_BT: Tensor) -> Tensor:
    number_B1 = mask_BT.sum(dim=1, keepdim=True).clamp_min(1)
    return layer_BTF.sum(dim=1) / number_B1
