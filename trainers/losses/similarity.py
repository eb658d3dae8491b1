"""How far right pairs are ahead of wrong ones in a batch: figures to look at, not a loss.

Shape letters in this file:
    B  clips of this worker    J  clips of another    K  narrations in a bag    D  joint embedding
"""

import torch
from torch import Tensor

from trainers.collectives import rank_of
from trainers.losses.bags import Bags, check_bags, same_video, wide_dtype
from trainers.losses.exchange import meet

CHUNK = 64
"""Clips of the batch whose scores are held at a time."""

RANKS = (1, 5)
"""In-batch recall is counted among the first so many."""


@torch.no_grad()
def similarity_figures(
    video_BD: Tensor,
    text_BKD: Tensor,
    mask_BK: Tensor | None = None,
    video_ids_B: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return sums over this worker's clips, fp64; add them up over workers before dividing.

    `positive_logit / num_positives` and `negative_logit / num_negatives` are the mean dot products
    of clips with their own narrations and with those of other clips. `recall_at_R / num_clips` is
    the share of clips whose best own narration is among the best R of the batch, one for each
    clip; an equal score of another's stands before it. Clips without narration do not count.

    Arguments and errors as in `MilNce.per_clip`. A collective operation.
    """
    bags = check_bags(video_BD, text_BKD, mask_BK, video_ids_B)
    wide = wide_dtype(video_BD)
    own_BK = torch.einsum("bd,bkd->bk", video_BD.to(wide), text_BKD.to(wide))
    own_BK = own_BK.masked_fill(~bags.mask_BK, -torch.inf)
    has_text_B = bags.mask_BK.any(dim=1)
    best_B = own_BK.amax(dim=1)

    negatives = own_BK.new_zeros(2, dtype=torch.float64)
    ahead_B = torch.zeros_like(best_B, dtype=torch.int64)
    for visit in meet(bags, ring=True).visits():
        for begin in range(0, len(visit.bags.video_BD), CHUNK):
            others = visit.bags.part(begin, begin + CHUNK)
            scores_BJK = torch.einsum("bd,jkd->bjk", video_BD.to(wide), others.text_BKD.to(wide))
            wrong_BJ = _wrong_pairs(bags, others, begin if visit.rank == rank_of() else None)
            counts_BJK = (wrong_BJ & has_text_B[:, None])[:, :, None] & others.mask_BK
            best_BJ = scores_BJK.masked_fill(~counts_BJK, -torch.inf).amax(dim=2)
            ahead_B += (best_BJ >= best_B[:, None]).sum(dim=1)
            negatives[0] += scores_BJK.masked_fill_(~counts_BJK, 0.0).sum(dtype=torch.float64)
            negatives[1] += counts_BJK.sum()
    figures = {
        "positive_logit": own_BK.masked_fill(~bags.mask_BK, 0.0).sum(dtype=torch.float64),
        "num_positives": bags.mask_BK.sum().double(),
        "negative_logit": negatives[0],
        "num_negatives": negatives[1],
        "num_clips": has_text_B.sum().double(),
    }
    for rank in RANKS:
        found = (ahead_B < rank) & has_text_B
        figures[f"recall_at_{rank}"] = found.sum().double()
    return figures


def _wrong_pairs(bags: Bags, others: Bags, begin: int | None) -> Tensor:
    """Return which of this worker's clips and others are negatives, BJ.

    Where the others are this worker's own too, `begin` is the number of the first of them.
    """
    same_BJ = same_video(bags.video_ids_B, others.video_ids_B)
    if same_BJ is None:
        shape = len(bags.video_BD), len(others.video_BD)
        same_BJ = torch.zeros(shape, dtype=torch.bool, device=bags.video_BD.device)
    if begin is not None:
        same_BJ[begin : begin + len(others.video_BD)].fill_diagonal_(True)
    return ~same_BJ
