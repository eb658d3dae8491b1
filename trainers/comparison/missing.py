"""Modalities that are not there: every subset that may be left, and what stands in for the rest.

Three stand-ins, for any method: zeros; the channel means of the train split; and what a ridge
regression, learned on the train split, expects of the present modalities (the conditional mean,
if all were Gaussian). Masks stay as they are: how long an example is, is known.

Shape letters in this file:
    N  examples    T  positions of a sequence    C  channels
    S  rows of a regression: valid positions, or examples    F, G  inputs and outputs of it
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Literal, assert_never

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from trainers.comparison.channels import Channels, replaced
from trainers.tasks.task import Sequences, Split

StandIn = Literal["zero", "mean", "learned"]
STAND_INS: tuple[StandIn, ...] = ("zero", "mean", "learned")

_Pair = tuple[Sequences, Sequences]
"""A modality of the split, and of the train split."""

_PENALTY = 0.1
"""Of the regression, for each row: inputs and outputs have deviation 1."""


def subsets(modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the `2^M - 1` sets of modalities that may be present, the whole one first."""
    sizes = range(len(modalities), 0, -1)
    return [present for size in sizes for present in combinations(modalities, size)]


def without(split: Split, present: Sequence[str], stand_in: StandIn, train: Split) -> Split:
    """Return the split with all modalities but `present` replaced. All present: the very split.

    Args:
        split: Examples; labels are not looked at.
        present: Modalities that stay.
        stand_in: What the others become.
        train: Where means and regressions are learned.

    Raises:
        ValueError: If none is present, or one is no modality of the split.
    """
    unknown = sorted(set(present) - set(split.modalities))
    if unknown or not present:
        raise ValueError(
            f"present must name some of {sorted(split.modalities)}, got {list(present)}"
        )
    given = {name: (split.modalities[name], train.modalities[name]) for name in present}
    for name, own in split.modalities.items():
        if name not in present:
            values_NTC = _stand_in(given.values(), (own, train.modalities[name]), stand_in)
            split = replaced(split, name, values_NTC)
    return split


def _stand_in(given: Iterable[_Pair], missing: _Pair, kind: StandIn) -> np.ndarray:
    own, of_train = missing
    match kind:
        case "zero":
            return np.zeros(own.values_NTC.shape, np.float32)
        case "mean":
            return np.broadcast_to(Channels.of(of_train).mean_C, own.values_NTC.shape)
        case "learned":
            return _expected(list(given), missing)
        case _:
            assert_never(kind)


def _expected(given: Sequence[_Pair], missing: _Pair) -> np.ndarray:
    """Return what the regression makes of the modalities that are there."""
    own, of_train = missing
    in_step = all(
        np.array_equal(one.mask_NT, other.mask_NT)
        for pair in given
        for one, other in zip(pair, missing, strict=True)
    )
    if in_step:
        train_SF, row_SF = (
            np.concatenate([_positions(pair[side]) for pair in given], axis=1) for side in (1, 0)
        )
        values_NTC = np.zeros(own.values_NTC.shape)
        values_NTC[own.mask_NT] = _regress(train_SF, _positions(of_train), row_SF)
        return values_NTC
    train_SF, row_SF = (
        np.concatenate([_whole(pair[side], _longest(pair)) for pair in given], axis=1)
        for side in (1, 0)
    )
    expected_SG = _regress(train_SF, _whole(of_train, _longest(missing)), row_SF)
    shape_NTC = (len(expected_SG), _longest(missing), own.values_NTC.shape[2])
    return expected_SG.reshape(shape_NTC)[:, : own.values_NTC.shape[1]]


def _positions(one: Sequences) -> np.ndarray:
    """Return a row a position, for modalities that share a time base."""
    return one.values_NTC[one.mask_NT]


def _longest(pair: _Pair) -> int:
    return max(one.values_NTC.shape[1] for one in pair)


def _whole(one: Sequences, length: int) -> np.ndarray:
    """Return a row an example: its positions one after the other, filled up with zeros."""
    num_examples, positions, width = one.values_NTC.shape
    row_NTC = np.zeros((num_examples, length, width))
    row_NTC[:, :positions][one.mask_NT] = one.values_NTC[one.mask_NT]
    return row_NTC.reshape(num_examples, -1)


def _regress(train_SF: np.ndarray, train_SG: np.ndarray, row_SF: np.ndarray) -> np.ndarray:
    inputs, outputs = StandardScaler(), StandardScaler()
    ridge = Ridge(alpha=_PENALTY * len(train_SF), solver="cholesky")
    ridge.fit(inputs.fit_transform(train_SF), outputs.fit_transform(train_SG))
    expected_SG = np.asarray(ridge.predict(inputs.transform(row_SF))).reshape(len(row_SF), -1)
    return outputs.inverse_transform(expected_SG)
