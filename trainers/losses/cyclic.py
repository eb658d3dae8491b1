"""Cyclic translation: a clip's features are translated into its window's words, and back.

Pham et al., "Found in Translation", AAAI 2019: L = forward MSE(T(x), y) + cycle MSE(T(T(x)), x),
with one translator T for both ways. The targets come from our own towers, so they are detached
and standardised by fixed statistics; otherwise both towers could agree on a constant.

Shape letters in this file:
    B  clips    K  windows of a bag    S  video time steps    L  words in a window
    C  width of the sequence named before it    D  joint embedding
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from configs.objectives import CyclicConfig
from trainers.models.outputs import TextOutput, VideoOutput
from trainers.models.translator import Translator


@dataclass(frozen=True, slots=True)
class TranslationError:
    """Sums, in fp64, from which the error of any number of batches together is exact.

    Add them up with `+`, over batches and workers.
    """

    squared_error_C: Tensor
    target_C: Tensor
    squared_target_C: Tensor
    positions: Tensor

    @classmethod
    def measure(cls, guess_BLC: Tensor, target_BLC: Tensor, mask_BL: Tensor) -> "TranslationError":
        """Sum over valid positions, a sum for each channel."""
        target_NC = target_BLC.detach()[mask_BL].double()
        error_NC = target_NC - guess_BLC.detach()[mask_BL].double()
        return cls(
            error_NC.square().sum(dim=0),
            target_NC.sum(dim=0),
            target_NC.square().sum(dim=0),
            mask_BL.sum(),
        )

    def __add__(self, other: "TranslationError") -> "TranslationError":
        return TranslationError(
            self.squared_error_C + other.squared_error_C,
            self.target_C + other.target_C,
            self.squared_target_C + other.squared_target_C,
            self.positions + other.positions,
        )

    @property
    def relative(self) -> float:
        """Squared error over the target's variance; 1 is what its mean would score."""
        spread_C = self.squared_target_C - self.target_C.square() / self.positions.clamp_min(1)
        return float(self.squared_error_C.sum() / spread_C.sum().clamp_min(1e-12))


class CyclicLoss(NamedTuple):
    """Losses of one batch. Scalars, means over its clips."""

    total: Tensor
    """Weighted sum of the two below."""

    forward: Tensor
    """Video -> words, against the window's words."""

    cycle: Tensor
    """Video -> words -> video, against the clip's features."""

    error: TranslationError
    """Error of video -> words, as sums that can be added up."""

    @property
    def relative_error(self) -> float:
        """Error of video -> words in this batch, over the variance of its words."""
        return self.error.relative


class CyclicTranslation(nn.Module):
    """The objective. The gradient reaches the translator and, through the source, the video tower.

    Means are taken over a clip's valid positions first, and then over clips. A sum over clips
    divided by the global batch is therefore the whole batch's loss, whatever the micro-batches.

    Whoever trains calls `translator.set_statistics` once, before the first step, with
    `masked_statistics` of fresh features. They are buffers, and so part of a checkpoint.
    """

    def __init__(self, config: CyclicConfig, translator: Translator) -> None:
        super().__init__()
        self.config, self.translator = config, translator

    def on_bags(self, video: VideoOutput, text: TextOutput, mask_BK: Tensor) -> CyclicLoss:
        """Choose a window of each bag, and translate the clip into it.

        Args:
            video: The clips, B.
            text: Their windows, N = B K with a clip's windows next to each other.
            mask_BK: True where there is a window.
        """
        index_N = choose_windows(self.config, video, text, mask_BK)
        return self(video.sequence_BSC, text.words_NLC[index_N], text.mask_NL[index_N])

    def forward(self, video_BSC: Tensor, words_BLC: Tensor, mask_BL: Tensor) -> CyclicLoss:
        """Translate clips into words and back.

        Args:
            video_BSC: Features of a clip over time.
            words_BLC: Word embeddings of its window.
            mask_BL: True where there is a word; words come first. A clip without any costs 0.

        Raises:
            ValueError: If the shapes do not pair up.
        """
        if len(video_BSC) != len(words_BLC) or words_BLC.shape[:2] != mask_BL.shape:
            raise ValueError(
                "video_BSC, words_BLC and mask_BL must agree in B and L, got "
                f"{tuple(video_BSC.shape)}, {tuple(words_BLC.shape)} and {tuple(mask_BL.shape)}"
            )
        translator = self.translator
        source_BSC = translator.standardise["video"](video_BSC)
        target_BLC = translator.standardise["words"](words_BLC.detach())
        steps_BS = torch.ones_like(video_BSC[..., 0], dtype=torch.bool)

        num_words, num_steps = words_BLC.shape[1], video_BSC.shape[1]
        guess_BLC = translator(source_BSC, steps_BS, "video", "words", num_words)
        forward = masked_mse(guess_BLC, target_BLC, mask_BL)
        cycle = forward.new_zeros(())
        if self.config.cycle_weight > 0:
            back_BSC = translator(guess_BLC, mask_BL, "words", "video", num_steps)
            counts_BS = steps_BS & mask_BL.any(dim=1, keepdim=True)
            cycle = masked_mse(back_BSC, source_BSC.detach(), counts_BS)
        total = self.config.forward_weight * forward + self.config.cycle_weight * cycle
        error = TranslationError.measure(guess_BLC, target_BLC, mask_BL)
        return CyclicLoss(total, forward, cycle, error)


def masked_mse(guess_BLC: Tensor, target_BLC: Tensor, mask_BL: Tensor) -> Tensor:
    """Return the squared error, mean over a sequence's valid positions, then over sequences."""
    error_BL = (guess_BLC - target_BLC).square().mean(dim=-1).masked_fill(~mask_BL, 0.0)
    return (error_BL.sum(dim=1) / mask_BL.sum(dim=1).clamp_min(1)).mean()


@torch.no_grad()
def choose_windows(
    config: CyclicConfig, video: VideoOutput, text: TextOutput, mask_BK: Tensor
) -> Tensor:
    """Return, for each clip, which of the N = B K windows it is translated into."""
    num_clips, num_windows = mask_BK.shape
    first_B = torch.arange(num_clips, device=mask_BK.device) * num_windows
    if config.target_window == "nearest":
        return first_B
    text_BKD = text.embedding_ND.unflatten(0, (num_clips, num_windows))
    scores_BK = torch.einsum("bd,bkd->bk", video.embedding_BD, text_BKD)
    return first_B + scores_BK.masked_fill(~mask_BK, -torch.inf).argmax(dim=1)
