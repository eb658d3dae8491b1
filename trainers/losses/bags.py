"""Clips with their bags of narrations, as the contrastive losses take them.

Shape letters in this file:
    B  clips    J  other clips    K  narrations in a bag    D  width of the joint embedding
"""

from typing import NamedTuple

import torch
from torch import Tensor

LEFT_OUT = -1e30
"""Logit of a pair that does not count: its exponential is zero, and unlike minus infinity it
gives no NaN where a whole row is left out."""


class Bags(NamedTuple):
    """Clips, and the narrations near each."""

    video_BD: Tensor
    text_BKD: Tensor
    mask_BK: Tensor
    """True where there is a narration."""

    video_ids_B: Tensor | None
    """Names of the videos; None where clips of one video are negatives too."""

    def part(self, begin: int, end: int) -> "Bags":
        """Return the clips from `begin` to before `end`."""
        ids_B = self.video_ids_B
        return Bags(
            self.video_BD[begin:end],
            self.text_BKD[begin:end],
            self.mask_BK[begin:end],
            None if ids_B is None else ids_B[begin:end],
        )

    def nearest(self) -> "Bags":
        """Return the clips with the first narration of their bags alone."""
        return self._replace(text_BKD=self.text_BKD[:, :1], mask_BK=self.mask_BK[:, :1])


def check_bags(
    video_BD: Tensor, text_BKD: Tensor, mask_BK: Tensor | None, video_ids_B: Tensor | None
) -> Bags:
    """Return the bags, with a mask that is all true where none was given.

    Raises:
        ValueError: If the shapes do not pair up.
    """
    pair_up = video_BD.ndim == 2 and text_BKD.ndim == 3
    if not pair_up or video_BD.shape != (text_BKD.shape[0], text_BKD.shape[2]):
        raise ValueError(
            "video_BD and text_BKD must agree in B and D, got "
            f"{tuple(video_BD.shape)} and {tuple(text_BKD.shape)}"
        )
    if mask_BK is None:
        mask_BK = torch.ones(text_BKD.shape[:2], dtype=torch.bool, device=text_BKD.device)
    if mask_BK.shape != text_BKD.shape[:2]:
        raise ValueError(
            f"mask_BK must have the B and K of text_BKD, {tuple(text_BKD.shape[:2])}, "
            f"got {tuple(mask_BK.shape)}"
        )
    if video_ids_B is not None and video_ids_B.shape != video_BD.shape[:1]:
        raise ValueError(
            f"video_ids_B must name the video of each of {len(video_BD)} clips, "
            f"got {tuple(video_ids_B.shape)}"
        )
    return Bags(video_BD, text_BKD, mask_BK.bool(), video_ids_B)


def same_video(one_B: Tensor | None, other_J: Tensor | None) -> Tensor | None:
    """Return where two clips are of one video, BJ; None where that makes no difference."""
    if one_B is None or other_J is None:
        return None
    return one_B[:, None] == other_J


def wide_dtype(embedding: Tensor) -> torch.dtype:
    """Return the type of sums over these embeddings: fp32, or theirs if that is wider."""
    return torch.promote_types(embedding.dtype, torch.float32)
