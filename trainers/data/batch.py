"""A micro-batch: the clips of one virtual rank, and the bags that belong to them.

Shape letters in this file:
    B  clips    T  frames    H, W  pixels    C  colours
    K  windows of a bag    L  pieces of a window
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Example:
    """One clip as the model sees it, on its way into a batch."""

    frames_THWC: np.ndarray
    tokens_KL: np.ndarray
    mask_K: np.ndarray
    video_id: int
    """A hash of the video's id: equal for clips of one video."""

    row: int
    """Row of the manifest."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What the towers and the losses read."""

    frames_BTHWC: Tensor
    """uint8."""

    tokens_BKL: Tensor
    """int64, 0 is padding."""

    mask_BK: Tensor
    """bool, true where the bag has a window."""

    video_ids_B: Tensor
    """int64, equal for clips of one video."""

    rows_B: Tensor
    """int64, rows of the manifest."""

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on `device`."""
        return Batch(
            *(
                tensor.to(device, non_blocking=True)
                for tensor in (
                    self.frames_BTHWC,
                    self.tokens_BKL,
                    self.mask_BK,
                    self.video_ids_B,
                    self.rows_B,
                )
            )
        )


def collate(examples: Sequence[Example]) -> Batch:
    """Stack examples, in the order given, into one batch."""
    return Batch(
        frames_BTHWC=torch.from_numpy(np.stack([e.frames_THWC for e in examples])),
        tokens_BKL=torch.from_numpy(np.stack([e.tokens_KL for e in examples])),
        mask_BK=torch.from_numpy(np.stack([e.mask_K for e in examples])),
        video_ids_B=torch.tensor([e.video_id for e in examples], dtype=torch.int64),
        rows_B=torch.tensor([e.row for e in examples], dtype=torch.int64),
    )
