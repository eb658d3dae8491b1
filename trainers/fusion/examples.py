"""A split as tensors, and the loss of its known labels, for networks that are fused.

Shape letters in this file:
    N  examples    T  positions of a sequence    C  width, or classes    K  known labels
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.fusion.translation_network import Padded
from trainers.tasks.task import UNLABELLED, Split


@dataclass(frozen=True, slots=True)
class Examples:
    """Modalities and labels of some examples."""

    modalities: Mapping[str, Padded]
    labels: Tensor
    """int64 or float32, `[N]` or `[N, T]`."""

    known: Tensor
    """bool, of the shape of `labels`: the label is there."""

    @classmethod
    def of(cls, split: Split) -> "Examples":
        """Turn a split into tensors."""
        labels = torch.from_numpy(np.array(split.labels))
        known = labels.isfinite() if labels.is_floating_point() else labels != UNLABELLED
        if split.label_mask_NT is not None:
            known = known & torch.from_numpy(np.array(split.label_mask_NT))
        return cls(padded(split), labels, known)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor) -> "Examples":
        """Return some of the examples."""
        return Examples(take(self.modalities, rows), self.labels[rows], self.known[rows])

    def loss(self, outputs: Tensor) -> Tensor:
        """Return the mean loss of the known labels; 0 where none is known.

        Cross-entropy of logits `[N, C]` or `[N, T, C]`; of scores, whose C is 1, the absolute
        error.
        """
        if not self.known.any():
            return outputs.sum() * 0
        outputs_KC, labels_K = outputs[self.known], self.labels[self.known]
        if labels_K.is_floating_point():
            return (outputs_KC.squeeze(-1) - labels_K).abs().mean()
        return F.cross_entropy(outputs_KC, labels_K)


def padded(split: Split) -> dict[str, Padded]:
    """Return the modalities of a split as tensors."""
    return {
        name: Padded(
            torch.from_numpy(np.asarray(one.values_NTC, dtype=np.float32)),
            torch.from_numpy(np.asarray(one.mask_NT)),
        )
        for name, one in split.modalities.items()
    }


def take(modalities: Mapping[str, Padded], rows: Tensor) -> dict[str, Padded]:
    """Return some of the examples."""
    return {
        name: Padded(one.values_BSC[rows], one.mask_BS[rows]) for name, one in modalities.items()
    }
