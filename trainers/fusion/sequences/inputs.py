"""A split as tensors: all modalities on one time base, with a mask, and labels that say unknown.

The time base of an example has as many positions as its longest modality; another modality's
position for it is the one at the same share of its length, so streams of other rates, and vectors
that stand for the whole example, need no resampling beforehand.

Shape letters in this file:
    N, B  examples    T  positions of the time base    C  width of a modality
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

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
    lengths = {name: s.mask_NT.sum(axis=1) for name, s in split.modalities.items()}
    length_N = np.maximum(np.max(list(lengths.values()), axis=0), 1)
    size = int(max(s.mask_NT.shape[1] for s in split.modalities.values()))
    if split.labels.ndim == 2 and split.labels.shape[1] != size:
        raise ValueError(
            f"labels of positions must be as many as the longest modality's positions, {size}, "
            f"got {split.labels.shape[1]}"
        )
    mask_NT = np.arange(size) < length_N[:, None]
    values = {}
    for name in modalities:
        values[name] = torch.from_numpy(
            _on_base(split.modalities[name], lengths[name], length_N, mask_NT)
        )
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


def _on_base(
    own: Sequences, own_length_N: np.ndarray, length_N: np.ndarray, mask_NT: np.ndarray
) -> np.ndarray:
    share_NT = (np.arange(mask_NT.shape[1]) + 0.5) / length_N[:, None]
    index_NT = (share_NT * own_length_N[:, None]).astype(np.int64)
    index_NT = np.minimum(index_NT, np.maximum(own_length_N[:, None] - 1, 0))
    taken_NTC = np.take_along_axis(own.values_NTC, index_NT[:, :, None], axis=1)
    valid_NT = mask_NT & (own_length_N[:, None] > 0)
    return np.where(valid_NT[:, :, None], taken_NTC, 0).astype(np.float32)
