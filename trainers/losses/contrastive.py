"""The contrastive loss of the settings, behind one interface.

loss = build_contrastive(config)
loss.per_clip(video_BD, text_BKD, mask_BK, video_ids_B)    B values; over G, summed over workers
similarity_figures(video_BD, text_BKD, mask_BK, video_ids_B)   sums to log, no gradient
"""

from typing import TypeAlias

from configs.objectives import ObjectivesConfig
from trainers.losses.info_nce import InfoNce
from trainers.losses.max_margin import MaxMargin
from trainers.losses.mil_nce import MilNce
from trainers.losses.similarity import similarity_figures

__all__ = ["ContrastiveLoss", "build_contrastive", "similarity_figures"]

ContrastiveLoss: TypeAlias = MilNce | InfoNce | MaxMargin


def build_contrastive(config: ObjectivesConfig, block: int = 0) -> ContrastiveLoss:
    """Return the contrastive loss of the settings; `block` as in `MilNce`."""
    match config.contrastive:
        case "mil_nce":
            return MilNce(config.mil_nce, block=block)
        case "nce":
            return MilNce(config.mil_nce, nearest_only=True, block=block)
        case "max_margin":
            return MaxMargin(config.mil_nce, config.margin)
        case "info_nce":
            return InfoNce(config.mil_nce, block=block)
