"""What the towers return.

Shape letters in this file:
    B  clips               S  time steps of the trunk's last map
    N  windows             L  words in a window
    D  joint embedding     C  channels of the sequence named before them
"""

from typing import NamedTuple

from torch import Tensor


class VideoOutput(NamedTuple):
    """A clip, as the joint space, the translator and downstream tasks want it."""

    embedding_BD: Tensor
    """Point in the joint space; not normalised."""

    sequence_BSC: Tensor
    """Trunk features over time: the last map, averaged over height and width."""

    feature_BC: Tensor
    """Trunk feature: the last map, averaged over time, height and width."""


class TextOutput(NamedTuple):
    """A window of narration, as the joint space and the translator want it."""

    embedding_ND: Tensor
    """Point in the joint space; not normalised."""

    words_NLC: Tensor
    """Word embeddings; rows of pads mean nothing."""

    mask_NL: Tensor
    """True where a word stands, False where there is a pad."""
