"""MIL-NCE: a clip must match *some* narration spoken near it, not each of them.

Miech et al., "End-to-End Learning of Visual Representations from Uncurated Instructional Videos",
CVPR 2020, equation 2. Local form: this rank's clips against all texts, and all clips against this
rank's texts, so that logits are O(B G K) and no rank repeats another's work.

Shape letters in this file:
    B  clips on this rank        G  clips on all ranks
    K  narrations in a bag       D  width of the joint embedding
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from configs.objectives import MilNceConfig
from trainers.collectives import all_gather_rows, all_gather_with_grad, rows_of_ranks

LEFT_OUT = -1e30
"""Logit of a pair that does not count: its exponential is zero, and unlike minus infinity it
gives no NaN where a whole row is left out."""


class _Everyone(NamedTuple):
    """The clips of all ranks, in rank order, and where this rank's begin."""

    video_GD: Tensor
    text_GKD: Tensor
    mask_GK: Tensor
    video_ids_G: Tensor | None
    start: int


class MilNce(nn.Module):
    """Noise-contrastive loss whose positive is a bag of candidate narrations.

    The bag is summed inside the logarithm. One well-aligned narration is enough to make the loss
    small; the misaligned ones neither help nor hurt much.

    Over several ranks: gradients are those of the *sum* over ranks, so the whole batch's mean is
    `per_clip(...).sum() / G`, summed, not averaged, over ranks. Ranks may hold unequal shares.
    Calling it is a collective operation, and so is its backward: every rank does both, or none.
    """

    def __init__(self, config: MilNceConfig) -> None:
        super().__init__()
        self.temperature = config.temperature
        self.positives_twice = config.positives_in_denominator == "twice"

    def forward(
        self,
        video_BD: Tensor,
        text_BKD: Tensor,
        mask_BK: Tensor | None = None,
        video_ids_B: Tensor | None = None,
    ) -> Tensor:
        """Return the mean loss over this rank's clips, a scalar. Arguments as in `per_clip`."""
        return self.per_clip(video_BD, text_BKD, mask_BK, video_ids_B).mean()

    def per_clip(
        self,
        video_BD: Tensor,
        text_BKD: Tensor,
        mask_BK: Tensor | None = None,
        video_ids_B: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of each of this rank's clips, B, in fp32 or the wider input type.

        Args:
            video_BD: One embedding per clip.
            text_BKD: Embeddings of the K narrations nearest in time to each clip.
            mask_BK: True where there is a narration; the others are neither positives nor
                negatives of anyone. A clip without any costs 0, and is still a negative.
            video_ids_B: int64 names of the videos. Pairs of two clips of one video are then left
                out of the negatives; a clip's own bag stays. Given on all ranks or on none.

        Raises:
            ValueError: If the shapes do not pair up.
        """
        mask_BK = _checked(video_BD, text_BKD, mask_BK, video_ids_B)
        everyone = _gather(video_BD, text_BKD, mask_BK, video_ids_B)
        own_BG, other_BG = _pairs(everyone, video_ids_B, len(video_BD))

        texts_BGK = self._logits("bd,gkd->bgk", video_BD, everyone.text_GKD)
        clips_BGK = self._logits("gd,bkd->bgk", everyone.video_GD, text_BKD)
        texts_BGK = texts_BGK.masked_fill(~everyone.mask_GK, LEFT_OUT)
        clips_BGK = clips_BGK.masked_fill(~mask_BK.unsqueeze(1), LEFT_OUT)
        own_BK = texts_BGK[own_BG]

        # A clip's own bag stands in both directions. The authors' code counts it twice, so its
        # loss bottoms out at log 2; the paper's equation counts it once, and ends at 0.
        also_own_BG = own_BG if self.positives_twice else torch.zeros_like(own_BG)
        rows_BGK = texts_BGK.masked_fill(~(own_BG | other_BG).unsqueeze(2), LEFT_OUT)
        columns_BGK = clips_BGK.masked_fill(~(also_own_BG | other_BG).unsqueeze(2), LEFT_OUT)
        everything_B = torch.logaddexp(
            rows_BGK.flatten(start_dim=1).logsumexp(dim=1),
            columns_BGK.flatten(start_dim=1).logsumexp(dim=1),
        )
        loss_B = everything_B - own_BK.logsumexp(dim=1)
        loss_B = torch.where(mask_BK.any(dim=1), loss_B, 0.0)
        return loss_B.to(torch.promote_types(video_BD.dtype, torch.float32))

    def _logits(self, equation: str, video: Tensor, text: Tensor) -> Tensor:
        # Nothing bounds a dot product, and one of 70 is off by up to 4e-6 in fp32, which its
        # exponential hands on to the gradient. A CPU affords fp64; an accelerator takes fp32.
        wide = torch.float64 if video.device.type == "cpu" else torch.float32
        return torch.einsum(equation, video.to(wide), text.to(wide)) / self.temperature


def _checked(
    video_BD: Tensor, text_BKD: Tensor, mask_BK: Tensor | None, video_ids_B: Tensor | None
) -> Tensor:
    """Return the mask, all true where none was given."""
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
    return mask_BK.bool()


def _gather(
    video_BD: Tensor, text_BKD: Tensor, mask_BK: Tensor, video_ids_B: Tensor | None
) -> _Everyone:
    rows = rows_of_ranks(len(video_BD), video_BD.device)
    rank = torch.distributed.get_rank() if len(rows) > 1 else 0
    return _Everyone(
        video_GD=all_gather_with_grad(video_BD, rows),
        text_GKD=all_gather_with_grad(text_BKD, rows),
        mask_GK=all_gather_rows(mask_BK.to(torch.uint8), rows).bool(),
        video_ids_G=None if video_ids_B is None else all_gather_rows(video_ids_B, rows),
        start=sum(rows[:rank]),
    )


def _pairs(everyone: _Everyone, video_ids_B: Tensor | None, num_own: int) -> tuple[Tensor, Tensor]:
    """Return two masks BG: a clip and itself; a clip and one that may be its negative."""
    everyone_G = torch.arange(len(everyone.video_GD), device=everyone.video_GD.device)
    own_BG = everyone_G[everyone.start : everyone.start + num_own, None] == everyone_G
    other_BG = ~own_BG
    if video_ids_B is not None and everyone.video_ids_G is not None:
        other_BG &= video_ids_B[:, None] != everyone.video_ids_G
    return own_BG, other_BG
