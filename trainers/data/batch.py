"""A micro-batch: the clips of one virtual rank, and the bags that belong to them.

Shape letters in this file:
    B  clips    T  frames    H, W  pixels    C  colours
    K  windows of a bag    L  pieces of a window
    F  positions of the sound    M  mel bands
"""

from dataclasses import dataclass, fields, replace
from typing import Any, Self

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
    """Row of the corpus."""

    mel_FM: np.ndarray | None = None
    """Log-mel frames; None where the clip has no sound, or nobody listens."""


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
    """int64, rows of the corpus."""

    replaced_B: Tensor
    """bool, true where the clip stands in for a damaged one."""

    mel_BFM: Tensor | None = None
    """float32, log-mel frames; None where no objective listens."""

    heard_B: Tensor | None = None
    """bool, true where the clip has sound; the frames of others mean nothing."""

    @classmethod
    def empty(
        cls,
        clip: tuple[int, ...],
        bag: tuple[int, int],
        size: int,
        *,
        pin: bool,
        sound: tuple[int, int] | None = None,
    ) -> Self:
        """Return a batch to be filled.

        Args:
            clip: T, H, W and C.
            bag: K and L.
            size: B.
            pin: Whether the memory is one from which a GPU can copy by itself.
            sound: F and M; None leaves the sound out.
        """
        return cls(
            torch.empty(size, *clip, dtype=torch.uint8, pin_memory=pin),
            torch.empty(size, *bag, dtype=torch.int64, pin_memory=pin),
            torch.empty(size, bag[0], dtype=torch.bool, pin_memory=pin),
            torch.empty(size, dtype=torch.int64, pin_memory=pin),
            torch.empty(size, dtype=torch.int64, pin_memory=pin),
            torch.zeros(size, dtype=torch.bool, pin_memory=pin),
            None if sound is None else torch.zeros(size, *sound, pin_memory=pin),
            None if sound is None else torch.zeros(size, dtype=torch.bool, pin_memory=pin),
        )

    def put(self, place: int, example: Example) -> None:
        """Copy an example to its place; threads may do so to different places at once."""
        # numpy, since torch would take longer to index than to copy.
        self.frames_BTHWC.numpy()[place] = example.frames_THWC
        self.tokens_BKL.numpy()[place] = example.tokens_KL
        self.mask_BK.numpy()[place] = example.mask_K
        self.video_ids_B.numpy()[place] = example.video_id
        self.rows_B.numpy()[place] = example.row
        if self.mel_BFM is not None and self.heard_B is not None and example.mel_FM is not None:
            self.mel_BFM.numpy()[place] = example.mel_FM
            self.heard_B.numpy()[place] = True

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on `device`."""
        if device.type == self.rows_B.device.type:
            return self
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {
            name: tensor.to(device, non_blocking=True)
            for name, tensor in tensors.items()
            if tensor is not None
        }
        return replace(self, **moved)
