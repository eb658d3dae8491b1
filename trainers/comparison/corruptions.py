"""Corruptions of one modality, deterministic by seed, example and level.

A level is the share of a modality that is lost, 0 to 0.9:

- `noise`: x + level / (1 - level) * deviation * g with Gaussian g, the deviation that of the
  channel over the train split; the level is noise's share of the amplitude, and at 0.5 it is as
  loud as the signal;
- `holes`: each position becomes the channel means with probability `level`; where a modality is
  one position, each of its channels does;
- `blackout`: a stretch of round(level * T) positions (of channels, where T is 1), begun anywhere,
  becomes the channel means: a camera or a microphone that is off for a while;
- `shuffle`: positions (channels, where T is 1) are exchanged: each is drawn with probability
  `level`, and those drawn change places at random.

What is drawn for an example is the same at all levels, so a higher level loses what a lower one
loses and more, and curves are smooth without more examples. Level 0 returns the very data.

Shape letters in this file:
    T  valid positions of one example    C  channels    P  places: positions, or channels if T is 1
"""

from typing import Literal, assert_never

import numpy as np

from trainers.comparison.channels import Channels, replaced
from trainers.comparison.draws import generator
from trainers.tasks.task import Split

Corruption = Literal["noise", "holes", "blackout", "shuffle"]
CORRUPTIONS: tuple[Corruption, ...] = ("noise", "holes", "blackout", "shuffle")


def corrupt(
    split: Split, modality: str, kind: Corruption, level: float, seed: int, channels: Channels
) -> Split:
    """Return the split with one modality corrupted; nothing else changes, and no input does.

    Args:
        split: Examples.
        modality: Which of their modalities.
        kind: What happens to it.
        level: How much of it is lost.
        seed: Other seeds draw other noise.
        channels: Of this modality, of the train split.

    Raises:
        ValueError: If the level is not from 0 to below 1.
    """
    if not 0 <= level < 1:
        raise ValueError(f"level must be from 0 to below 1, got {level}")
    if level == 0:
        return split
    before = split.modalities[modality]
    values_NTC = before.values_NTC.copy()
    along_channels = values_NTC.shape[1] == 1
    for row, name in enumerate(split.ids):
        valid_T = before.mask_NT[row]
        if valid_T.any():
            rng = generator(seed, name, modality, kind)
            values_NTC[row, valid_T] = _corrupt_one(
                values_NTC[row, valid_T], kind, level, rng, channels, along_channels
            )
    return replaced(split, modality, values_NTC)


def _corrupt_one(
    value_TC: np.ndarray,
    kind: Corruption,
    level: float,
    rng: np.random.Generator,
    channels: Channels,
    along_channels: bool,
) -> np.ndarray:
    # Places come first.
    value_P = value_TC.T if along_channels else value_TC
    mean_P = channels.mean_C[:, None] if along_channels else channels.mean_C[None]
    match kind:
        case "noise":
            scale_C = level / (1 - level) * channels.deviation_C
            return value_TC + scale_C * rng.standard_normal(value_TC.shape)
        case "holes":
            lost_P = rng.random(len(value_P)) < level
            changed = np.where(lost_P[:, None], mean_P, value_P)
        case "blackout":
            changed = np.where(_stretch(len(value_P), level, rng)[:, None], mean_P, value_P)
        case "shuffle":
            changed = value_P[_exchange(len(value_P), level, rng)]
        case _:
            assert_never(kind)
    return changed.T if along_channels else changed


def _stretch(num_places: int, level: float, rng: np.random.Generator) -> np.ndarray:
    """Return which places lie in a stretch that grows to both sides from one point."""
    centre = rng.random() * num_places
    length = round(level * num_places)
    begin = min(max(round(centre - length / 2), 0), num_places - length)
    place_P = np.arange(num_places)
    return (place_P >= begin) & (place_P < begin + length)


def _exchange(num_places: int, level: float, rng: np.random.Generator) -> np.ndarray:
    drawn_P = np.flatnonzero(rng.random(num_places) < level)
    order_P = np.arange(num_places)
    order_P[drawn_P] = rng.permutation(drawn_P)
    return order_P
