"""Symmetric InfoNCE: one softmax over the texts for a clip, one over the clips for its text.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021,
figure 3, with a bag where it has one text; K = 1 is theirs, without its normalisation.

Shape letters in this file:
    B  clips on this rank    K  narrations in a bag    D  width of the joint embedding
"""

from torch import Tensor, nn

from configs.objectives import MilNceConfig
from trainers.losses.bag_sums import bag_sums
from trainers.losses.bags import check_bags
from trainers.losses.mil_nce import only_with_bag, sums_options


class InfoNce(nn.Module):
    """The mean of both directions' cross-entropies. Ranks as in MilNce."""

    def __init__(self, config: MilNceConfig, *, block: int = 0) -> None:
        super().__init__()
        self.options = sums_options(config, own_in_columns=True, block=block)

    def per_clip(
        self,
        video_BD: Tensor,
        text_BKD: Tensor,
        mask_BK: Tensor | None = None,
        video_ids_B: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of each clip, B; arguments and errors as in `MilNce.per_clip`."""
        bags = check_bags(video_BD, text_BKD, mask_BK, video_ids_B)
        sums = bag_sums(bags, self.options)
        return only_with_bag((sums.rows_B + sums.columns_B) / 2 - sums.own_B, bags)
