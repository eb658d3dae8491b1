"""A split as tensors: all modalities on one time base, with a mask, and labels that say unknown.

The time base of an example has as many positions as its longest modality. Others are brought to it
(`timebase`), so streams of other rates, and vectors that stand for the whole example, need no
resampling beforehand.

Shape letters in this file:
    N, B  examples    T  positions of the time base    C  width of a modality
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.fusion.timebase import even_spans, resample
from trainers.tasks.task import UNLABELLED, Sequences, Split


@dataclass(frozen=True, slots=True)
class Inputs:
    """Modalities of some examples on one time base. Valid positions come first."""

    values: dict[str, Tensor]
    """BTC each, 0 where the mask is false."""

    mask_BT: Tensor

    def rows(self, chosen: Tensor) -> "Inputs":
        """Return some of the examples, cut at the longest of them."""
        mask_BT = self.mask_BT[chosen]
        longest = int(mask_BT.sum(dim=1).max())
        values = {name: value[chosen, :longest] for name, value in self.values.items()}
        return Inputs(values, mask_BT[:, :longest])


def inputs_of(split: Split, modalities: Sequence[str]) -> Inputs:
    """Bring modalities to one time base. Where labels are `[N, T]`, it has their T positions.

    Raises:
        ValueError: If a modality is not one of the split, or labels are `[N, T]` and T is not
            the length of the time base.
    """
    unknown = sorted(set(modalities) - set(split.modalities))
    if unknown or not modalities:
        raise ValueError(
            f"modalities must be some of {sorted(split.modalities)}, got {list(modalities)}"
        )
    # The base is that of all modalities, so the same whichever of them are read.
    lengths = [s.mask_NT.sum(axis=1) for s in split.modalities.values()]
    length_N = np.maximum(np.max(lengths, axis=0), 1)
    size = int(max(s.mask_NT.shape[1] for s in split.modalities.values()))
    if split.label_mask_NT is not None and split.labels.shape[1] != size:
        raise ValueError(
            f"labels of positions must be as many as the longest modality's positions, {size}, "
            f"got {split.labels.shape[1]}"
        )
    mask_NT = np.arange(size) < length_N[:, None]
    values = {}
    for name in modalities:
        values[name] = torch.from_numpy(_on_base(split.modalities[name], mask_NT))
    return Inputs(values, torch.from_numpy(mask_NT))


def labels_of(split: Split) -> Tensor:
    """Return the labels; one that is not known is `UNLABELLED`, or NaN where labels are scores."""
    labels = torch.from_numpy(split.labels.copy())
    if split.label_mask_NT is not None:
        unknown = torch.nan if labels.is_floating_point() else UNLABELLED
        labels[~torch.from_numpy(split.label_mask_NT)] = unknown
    return labels


def known(labels: Tensor) -> Tensor:
    """Return which labels are known."""
    return labels.isfinite() if labels.is_floating_point() else labels != UNLABELLED


def _on_base(own: Sequences, mask_NT: np.ndarray) -> np.ndarray:
    if np.array_equal(own.mask_NT, mask_NT):
        return np.where(mask_NT[:, :, None], own.values_NTC, 0).astype(np.float32)
    return resample(own, even_spans(own.mask_NT), even_spans(mask_NT)).values_NTC
