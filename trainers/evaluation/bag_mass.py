"""Does a model know which narration of a bag is the right one? Its softmax against the truth.

MIL-NCE is never told which window of a bag describes the clip. What it found out is the mass that
the softmax over a bag's logits gives to the windows that are right.

Shape letters in this file:
    K  windows of a bag    D  joint embedding
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class BagMass:
    """Means over clips that have both right and wrong windows in their bag."""

    clips: int
    mass: float
    """Softmax mass on right windows."""
    uniform: float
    """What equal mass on every window would give."""
    right_first: float
    """Share of clips whose window with the most mass is right."""
    nearest_right: float
    """Share of clips whose nearest window is right: what knowing nothing but time gives."""


def bag_mass(
    clips: Sequence[np.ndarray],
    bags: Sequence[np.ndarray],
    right: Sequence[Sequence[bool] | None],
    temperature: float,
) -> BagMass | None:
    """Weigh bags; None if no clip has both right and wrong windows.

    Args:
        clips: Embedding of each clip, D.
        bags: Embeddings of its windows, KD, nearest first; K may differ.
        right: Which windows are right; None leaves the clip out.
        temperature: Divides the logits, as in training.
    """
    rows = []
    for clip_D, bag_KD, right_K in zip(clips, bags, right, strict=True):
        if right_K is None or all(right_K) or not any(right_K):
            continue
        logits_K = bag_KD.astype(np.float64) @ clip_D.astype(np.float64) / temperature
        weights_K = np.exp(logits_K - logits_K.max())
        is_right_K = np.asarray(right_K)
        mass = weights_K[is_right_K].sum() / weights_K.sum()
        first = is_right_K[logits_K.argmax()]
        rows.append((mass, is_right_K.mean(), first, is_right_K[0]))
    if not rows:
        return None
    return BagMass(len(rows), *(float(mean) for mean in np.mean(rows, axis=0)))
