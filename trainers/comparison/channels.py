"""Mean and deviation of each channel of a modality, over the train split's valid positions.

Shape letters in this file:
    N  examples    T  positions of a sequence    C  channels    V  valid positions
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from trainers.tasks.task import Sequences, Split


@dataclass(frozen=True, slots=True, eq=False)
class Channels:
    """Statistics of one modality."""

    mean_C: np.ndarray
    deviation_C: np.ndarray

    @classmethod
    def of(cls, sequences: Sequences) -> Self:
        """Measure them in float64; what is padded counts nowhere."""
        valid_VC = sequences.values_NTC[sequences.mask_NT].astype(np.float64)
        return cls(valid_VC.mean(axis=0), valid_VC.std(axis=0))


def replaced(split: Split, modality: str, values_NTC: np.ndarray) -> Split:
    """Return the split with other values of a modality at its valid positions."""
    before = split.modalities[modality]
    values_NTC = np.where(before.mask_NT[:, :, None], values_NTC, before.values_NTC)
    after = Sequences(values_NTC.astype(np.float32, copy=False), before.mask_NT)
    return Split(
        split.ids, {**split.modalities, modality: after}, split.labels, split.label_mask_NT
    )
