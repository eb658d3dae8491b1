"""Modality dropout as data: training examples again, each with some of its modalities missing.

Every method can be trained on it, kernel machines too, and none needs to know.
"""

import numpy as np

from trainers.comparison.channels import Channels
from trainers.comparison.draws import generator
from trainers.comparison.missing import subsets
from trainers.tasks.task import Sequences, Split, Task


def with_dropped(task: Task, seed: int) -> Task:
    """Return the task with each training example twice: whole, and with a subset left.

    Which subset is drawn from the example's name, evenly among those in which something is
    missing; what is missing becomes zeros or the channel means of the train split, as often the
    one as the other, so that either may stand in later. Validation examples are doubled as well:
    what is chosen by them is chosen for both.

    Raises:
        ValueError: If the task has one modality.
    """
    if len(task.splits["train"].modalities) < 2:
        raise ValueError(f"a task must have two modalities to drop one, {task.name} has one")
    channels = {name: Channels.of(s) for name, s in task.splits["train"].modalities.items()}
    splits = dict(task.splits)
    for name in ("train", "val"):
        splits[name] = _doubled(task.splits[name], channels, seed)
    return Task(task.name, task.classes, splits)


def _doubled(split: Split, channels: dict[str, Channels], seed: int) -> Split:
    names = list(split.modalities)
    parts = subsets(names)[1:]
    kept = np.zeros((len(split.ids), len(names)), bool)
    zeros = np.zeros(len(split.ids), bool)
    for row, example in enumerate(split.ids):
        rng = generator(seed, example, "dropped")
        present = parts[rng.integers(len(parts))]
        kept[row] = [name in present for name in names]
        zeros[row] = rng.random() < 0.5
    modalities = {}
    for column, (name, whole) in enumerate(split.modalities.items()):
        blank_NC = np.where(zeros[:, None], 0.0, channels[name].mean_C)
        gone = ~kept[:, column][:, None, None] & whole.mask_NT[:, :, None]
        dropped = np.where(gone, blank_NC[:, None, :], whole.values_NTC).astype(np.float32)
        modalities[name] = Sequences(
            np.concatenate([whole.values_NTC, dropped]), np.concatenate([whole.mask_NT] * 2)
        )
    mask = split.label_mask_NT
    return Split(
        (*split.ids, *(f"{example}#dropped" for example in split.ids)),
        modalities,
        np.concatenate([split.labels] * 2),
        None if mask is None else np.concatenate([mask] * 2),
    )
