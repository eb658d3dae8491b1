"""MIL-NCE: a clip must match *some* narration spoken near it, not each of them.

Miech et al., "End-to-End Learning of Visual Representations from Uncurated Instructional Videos",
CVPR 2020, equation 2. Local form: this rank's clips against all texts, and all clips against this
rank's texts, so that logits are O(B G K) and no rank repeats another's work.

Shape letters in this file:
    B  clips on this rank        G  clips on all ranks
    K  narrations in a bag       D  width of the joint embedding
"""

import torch
from torch import Tensor, nn

from configs.objectives import MilNceConfig
from trainers.losses.bag_sums import Options, bag_sums
from trainers.losses.bags import Bags, check_bags, wide_dtype


class MilNce(nn.Module):
    """Noise-contrastive loss whose positive is a bag of candidate narrations.

    The bag is summed inside the logarithm. One well-aligned narration is enough to make the loss
    small; the misaligned ones neither help nor hurt much.

    Over several ranks: gradients are those of the *sum* over ranks, so the whole batch's mean is
    `per_clip(...).sum() / G`, summed, not averaged, over ranks. Ranks may hold unequal shares.
    Calling it is a collective operation, and so is its backward: every rank does both, or none.
    """

    def __init__(self, config: MilNceConfig, *, nearest_only: bool = False, block: int = 0) -> None:
        """Prepare.

        Args:
            config: Settings.
            block: Clips of a virtual rank, of which every worker has whole ones: then results
                have the same bits on any number of workers. 0: not known.
            nearest_only: Whether to look at the first narration of a bag alone, which is NCE.
        """
        super().__init__()
        self.options = sums_options(config, config.positives_in_denominator == "twice", block)
        self.nearest_only = nearest_only

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
        bags = check_bags(video_BD, text_BKD, mask_BK, video_ids_B)
        bags = bags.nearest() if self.nearest_only else bags
        sums = bag_sums(bags, self.options)
        # A clip's own bag stands in both directions. The authors' code counts it twice, so its
        # loss bottoms out at log 2; the paper's equation counts it once, and ends at 0.
        loss_B = torch.logaddexp(sums.rows_B, sums.columns_B) - sums.own_B
        return only_with_bag(loss_B, bags)


def sums_options(config: MilNceConfig, own_in_columns: bool, block: int) -> Options:
    """Return how a loss with these settings takes its sums."""
    chunk = 0 if config.form == "local" else config.chunk
    return Options(config.temperature, own_in_columns, chunk, config.form == "ring", block)


def only_with_bag(loss_B: Tensor, bags: Bags) -> Tensor:
    """Return the loss in its final type, and 0 for clips that have no narration."""
    loss_B = torch.where(bags.mask_BK.any(dim=1), loss_B, 0.0)
    return loss_B.to(wide_dtype(bags.video_BD))
