"""Max-margin ranking: a clip and its nearest narration must be ahead of every wrong pair.

Miech et al., "HowTo100M: Learning a Text-Video Embedding by Watching Hundred Million Narrated Video
Clips", ICCV 2019, equation 2; the CVPR 2020 paper compares MIL-NCE with it.

Shape letters in this file:
    B  clips on this rank    G  clips on all ranks    D  width of the joint embedding
    K  narrations in a bag, of which the first counts
"""

import torch
from torch import Tensor, nn

from configs.objectives import MilNceConfig
from trainers.collectives import all_gather_rows, all_gather_with_grad, rank_of, rows_of_ranks
from trainers.losses.bags import check_bags, same_video, wide_dtype
from trainers.losses.mil_nce import only_with_bag


class MaxMargin(nn.Module):
    """The hinge, a mean over a clip's wrong pairs in both directions. Ranks as in MilNce.

    All of a rank's 2 B G similarities are held at once; K does not multiply them.
    """

    def __init__(self, config: MilNceConfig, margin: float) -> None:
        super().__init__()
        self.temperature, self.margin = config.temperature, margin

    def per_clip(
        self,
        video_BD: Tensor,
        text_BKD: Tensor,
        mask_BK: Tensor | None = None,
        video_ids_B: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of each clip, B; arguments and errors as in `MilNce.per_clip`."""
        bags = check_bags(video_BD, text_BKD, mask_BK, video_ids_B).nearest()
        wide, rows = wide_dtype(video_BD), rows_of_ranks(len(video_BD), video_BD.device)
        text_BD, has_text_B = bags.text_BKD[:, 0], bags.mask_BK[:, 0]
        video_GD, text_GD = (all_gather_with_grad(x, rows) for x in (video_BD, text_BD))
        has_text_G = all_gather_rows(has_text_B.to(torch.uint8), rows).bool()

        wrong_BG = torch.ones(len(video_BD), sum(rows), dtype=torch.bool, device=video_BD.device)
        wrong_BG.diagonal(sum(rows[: rank_of()])).fill_(False)
        if video_ids_B is not None:
            same_BG = same_video(video_ids_B, all_gather_rows(video_ids_B, rows))
            assert same_BG is not None
            wrong_BG &= ~same_BG

        with torch.autocast(video_BD.device.type, enabled=False):
            texts_BG = video_BD.to(wide) @ text_GD.to(wide).T / self.temperature
            clips_BG = text_BD.to(wide) @ video_GD.to(wide).T / self.temperature
            right_B = (video_BD.to(wide) * text_BD.to(wide)).sum(dim=1) / self.temperature
        texts_ahead_BG = (self.margin - right_B[:, None] + texts_BG).relu()
        clips_ahead_BG = (self.margin - right_B[:, None] + clips_BG).relu()
        wrong_texts_BG = wrong_BG & has_text_G
        hinge_B = texts_ahead_BG.masked_fill(~wrong_texts_BG, 0.0).sum(dim=1)
        hinge_B = hinge_B + clips_ahead_BG.masked_fill(~wrong_BG, 0.0).sum(dim=1)
        num_wrong_B = wrong_texts_BG.sum(dim=1) + wrong_BG.sum(dim=1)
        return only_with_bag(hinge_B / num_wrong_B.clamp_min(1), bags)
