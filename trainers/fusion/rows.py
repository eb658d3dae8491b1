"""Examples as rows of numbers, for methods that know no time: one vector a modality.

Where positions have labels of their own, a row is a position. Otherwise a row is an example: its
positions side by side where all train examples have all of them (an image's rows), their mean
where lengths differ. Columns are in the standard units of the train split; what is not there is
at the mean.

Shape letters in this file:
    N  examples    T  positions    C  width of a modality    R  rows    F  columns
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from trainers.tasks.task import UNLABELLED, Sequences, Split

_CONSTANT = 1e-6
"""Share of its size below which a column's deviation is rounding."""


@dataclass(frozen=True, slots=True)
class RowMaker:
    """Makes rows, by what it has seen of the train split."""

    by_position: bool
    lengths: Mapping[str, int]
    """Positions that lie side by side; 0 where their mean is taken."""

    mean_F: Mapping[str, np.ndarray]
    deviation_F: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, train: Split) -> "RowMaker":
        """Measure the train split."""
        by_position = train.labels.ndim == 2
        lengths = {
            name: one.mask_NT.shape[1] if one.mask_NT.all() and not by_position else 0
            for name, one in train.modalities.items()
        }
        maker = cls(by_position, lengths, {}, {})
        raw = {name: maker._raw(name, one) for name, one in train.modalities.items()}
        mean_F = {name: np.nanmean(rows_RF, axis=0) for name, rows_RF in raw.items()}
        deviation_F = {name: np.nanstd(rows_RF, axis=0) for name, rows_RF in raw.items()}
        for name, one_F in deviation_F.items():
            one_F[one_F <= _CONSTANT * np.maximum(1.0, np.abs(mean_F[name]))] = np.inf
        return cls(by_position, lengths, mean_F, deviation_F)

    def __call__(self, split: Split) -> dict[str, np.ndarray]:
        """Return rows of each modality, float64 `[R, F]`; R is N, or N T.

        Raises:
            ValueError: A modality has other positions than the train split, or the labels, have.
        """
        rows = {}
        num_rows = split.labels.size if self.by_position else len(split.labels)
        for name, mean_F in self.mean_F.items():
            raw_RF = self._raw(name, split.modalities[name])
            if raw_RF.shape != (num_rows, len(mean_F)):
                raise ValueError(
                    f"rows of {name} must be {num_rows} of {len(mean_F)} numbers, "
                    f"got {raw_RF.shape}"
                )
            rows[name] = np.nan_to_num((raw_RF - mean_F) / self.deviation_F[name], nan=0.0)
        return rows

    def _raw(self, name: str, one: Sequences) -> np.ndarray:
        """Return rows in the modality's own units, NaN where there is nothing."""
        valid_NT1 = one.mask_NT[:, :, None]
        values_NTC = np.where(valid_NT1, one.values_NTC.astype(np.float64), np.nan)
        if self.by_position:
            return values_NTC.reshape(-1, values_NTC.shape[2])
        if self.lengths[name]:
            return values_NTC.reshape(len(values_NTC), -1)
        number_N1 = one.mask_NT.sum(axis=1, keepdims=True).astype(np.float64)
        number_N1[number_N1 == 0] = np.nan
        return np.nansum(values_NTC, axis=1) / number_N1


def known_rows(split: Split) -> np.ndarray:
    """Return the numbers of the rows that have a label."""
    known = split.labels.astype(np.float64)
    known = np.isfinite(known) & ((known != UNLABELLED) | (split.labels.dtype.kind == "f"))
    if split.label_mask_NT is not None:
        known &= split.label_mask_NT
    return np.flatnonzero(known.ravel())


def valid_rows(split: Split) -> np.ndarray:
    """Return the numbers of the rows in which some modality is there, labelled or not."""
    if split.labels.ndim == 1:
        return np.arange(len(split.labels))
    masks = [one.mask_NT for one in split.modalities.values()]
    return np.flatnonzero(np.any(masks, axis=0).ravel())


def draw_rows(split: Split, row_R: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return at most so many of these rows, in order, drawn by the examples' names."""
    if len(row_R) <= most:
        return row_R
    each = split.labels[0].size if len(split.labels) else 1
    ranks = [
        sha256(f"{seed}:{split.ids[row // each]}:{row % each}".encode()).digest() for row in row_R
    ]
    drawn = sorted(range(len(row_R)), key=ranks.__getitem__)[:most]
    return row_R[np.sort(drawn)]
