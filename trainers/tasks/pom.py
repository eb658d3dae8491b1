"""POM: how persuasive, confident, pleasant .. a reviewer of a film is, by voice and face.

Park et al., "Computational Analysis of Persuasiveness in Social Multimedia", ICMI 2014; 903 videos
as Zadeh et al. (AAAI 2018) cut them into 20 steps: COVAREP features of the voice (43) and FACET
features of the face (41). The words are in no file that can be had. Both have the same steps, and a
video shorter than 20 is padded at the front in the file; a face that was not found is 0, and so is
the whole face of half of the videos.

Shape letters in this file:
    N  examples    T  steps    C  width of a modality
"""

from pathlib import Path

import numpy as np

from trainers.tasks.task import Sequences, Split, SplitName, Task

NUM_TRAITS = 17
MODALITIES = ("audio", "video")
_SIDES: dict[SplitName, str] = {"train": "train", "val": "valid", "test": "test"}


def load(folder: Path, trait: int | None) -> Task:
    """Read `pom.npz`: 600 train, 100 val and 203 test videos, a score from 1 to 7 each.

    Args:
        folder: Where it lies.
        trait: Column of the file's scores, from 0; None: all of them, labels `[N, 17]`.

    Raises:
        ValueError: If there is no such trait.
    """
    if trait is not None and not 0 <= trait < NUM_TRAITS:
        raise ValueError(f"trait must be from 0 to {NUM_TRAITS - 1}, got {trait}")
    with np.load(folder / "pom.npz", allow_pickle=False) as file:
        arrays = dict(file)
    splits = {name: _split(arrays, side, trait) for name, side in _SIDES.items()}
    return Task("pom" if trait is None else f"pom_{trait}", (), splits)


def _split(arrays: dict[str, np.ndarray], side: str, trait: int | None) -> Split:
    labels = arrays[f"y_{side}"].astype(np.float32)
    given = {name: arrays[f"{name}_{side}"] for name in MODALITIES}
    heard_NT = np.any([values_NTC.any(axis=2) for values_NTC in given.values()], axis=0)
    length_N = np.logical_or.accumulate(heard_NT, axis=1).sum(axis=1)
    return Split(
        tuple(f"{side}_{row}" for row in range(len(labels))),
        {name: _to_front(values_NTC, length_N) for name, values_NTC in given.items()},
        labels if trait is None else labels[:, trait],
    )


def _to_front(values_NTC: np.ndarray, length_N: np.ndarray) -> Sequences:
    """Move the last `length_N` steps to the front, so that the padding stands behind them."""
    size = values_NTC.shape[1]
    step_NT = np.minimum(np.arange(size) + (size - length_N)[:, None], size - 1)
    mask_NT = np.arange(size) < length_N[:, None]
    moved_NTC = np.take_along_axis(values_NTC, step_NT[:, :, None], axis=1)
    return Sequences(np.where(mask_NT[:, :, None], moved_NTC, 0).astype(np.float32), mask_NT)
