"""Which windows of its bag a clip is translated into, or from: one, or all with weights.

Nobody says which window tells of what a clip shows (`mil_nce`), so the choice is made from the
joint space as it is, without a gradient.

Shape letters in this file:
    B  clips    K  windows of a bag    N = B K  windows    P  pairs of a clip and a window
    D  joint embedding
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from trainers.models.outputs import TextOutput, VideoOutput


class Pairs(NamedTuple):
    """Pairs of a clip and one of its windows, a clip's next to each other."""

    window_P: Tensor
    """Number of the window among N."""

    weight_P: Tensor
    """Weight within the clip: they add up to 1, and to 0 for a clip without windows."""

    best_B: Tensor
    """For each clip its pair of most weight."""

    def spread(self, x_B: Tensor) -> Tensor:
        """Turn rows of clips into rows of pairs."""
        per_clip = len(self.window_P) // len(self.best_B)
        return x_B.unsqueeze(1).expand(-1, per_clip, *x_B.shape[1:]).flatten(0, 1)


@torch.no_grad()
def pair_with_windows(
    choice: Literal["nearest", "most_similar", "soft"],
    video: VideoOutput,
    text: TextOutput,
    mask_BK: Tensor,
    temperature: float,
) -> Pairs:
    """Return the pairs that are translated.

    Args:
        choice: `nearest` in time, which is the bag's first; `most_similar` in the joint space; or
            `soft`: all, weighted by MIL-NCE's softmax over the bag.
        video: The clips, B.
        text: Their windows, N, a clip's next to each other.
        mask_BK: True where there is a window.
        temperature: Divides similarities, `soft` only.
    """
    num_clips, num_windows = mask_BK.shape
    clip_B = torch.arange(num_clips, device=mask_BK.device)
    first_B = clip_B * num_windows
    if choice == "nearest":
        return Pairs(first_B, mask_BK[:, 0].to(video.embedding_BD.dtype), clip_B)
    text_BKD = text.embedding_ND.unflatten(0, (num_clips, num_windows))
    scores_BK = torch.einsum("bd,bkd->bk", video.embedding_BD, text_BKD)
    # Finite, so that a bag without windows has weights that can be set to 0.
    scores_BK = (scores_BK / temperature).masked_fill(~mask_BK, -1e30)
    best_B = first_B + scores_BK.argmax(dim=1)
    if choice == "most_similar":
        return Pairs(best_B, mask_BK.any(dim=1).to(scores_BK.dtype), clip_B)
    weight_BK = torch.softmax(scores_BK, dim=1).masked_fill(~mask_BK, 0.0)
    window_N = torch.arange(num_clips * num_windows, device=mask_BK.device)
    return Pairs(window_N, weight_BK.flatten(), best_B)
