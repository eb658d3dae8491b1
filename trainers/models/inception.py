"""Parts of S3D-G: separable convolution, self-gating, Inception block, TF-SAME max pooling.

Xie et al., "Rethinking Spatiotemporal Feature Learning", ECCV 2018. Attribute names are those of
the published weights.

Shape letters in this file:
    B  clips    C  channels    T  frames    H, W  height and width
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.models.batchnorm import VirtualBatchNorm3d
from trainers.models.convolve import Triple, convolve, max_pool


class STConv3D(nn.Module):
    """Convolution, batch norm, ReLU; in separable form first over space, then over time."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: Triple = (1, 1, 1),
        stride: Triple = (1, 1, 1),
        padding: Triple = (0, 0, 0),
        separable: bool = False,
    ) -> None:
        super().__init__()
        self.separable = separable
        if not separable:
            self.conv1 = nn.Conv3d(channels_in, channels_out, kernel, stride, padding, bias=False)
            self.bn1 = VirtualBatchNorm3d(channels_out)
            return
        (kt, kh, kw), (st, sh, sw), (pt, ph, pw) = kernel, stride, padding
        self.conv1 = nn.Conv3d(
            channels_in, channels_out, (1, kh, kw), (1, sh, sw), (0, ph, pw), bias=False
        )
        self.bn1 = VirtualBatchNorm3d(channels_out)
        self.conv2 = nn.Conv3d(
            channels_out, channels_out, (kt, 1, 1), (st, 1, 1), (pt, 0, 0), bias=False
        )
        self.bn2 = VirtualBatchNorm3d(channels_out)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Return a map whose values are not negative."""
        x_BCTHW = F.relu(self.bn1(convolve(x_BCTHW, self.conv1)), inplace=True)
        if self.separable:
            x_BCTHW = F.relu(self.bn2(convolve(x_BCTHW, self.conv2)), inplace=True)
        return x_BCTHW


class SelfGating(nn.Module):
    """Each channel is scaled by a gate that sees the mean of all channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Return the gated map."""
        gate_BC = torch.sigmoid(self.fc(x_BCTHW.mean(dim=(2, 3, 4))))
        return x_BCTHW * gate_BC[:, :, None, None, None]


class SamePool(nn.Module):
    """Max pooling as TensorFlow's SAME: padded at the high end, by zeros.

    The zeros count in the maximum, which changes nothing where values are not negative.
    """

    def __init__(self, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Return the pooled map."""
        padding: list[int] = []
        sizes = zip(self.kernel[::-1], self.stride[::-1], x_BCTHW.shape[:1:-1], strict=True)
        for kernel, stride, size in sizes:
            whole = max(kernel - stride, 0)
            # Where the strides fill the length, `ceil_mode` makes the window that would reach the
            # one pad at the high end, and it is not worth a copy of the map.
            spared = whole == 1 and size % stride == 0
            padding += [0, 0] if spared else [whole // 2, whole - whole // 2]
        x_BCTHW = F.pad(x_BCTHW, padding) if any(padding) else x_BCTHW
        return max_pool(x_BCTHW, self.kernel, self.stride, (0, 0, 0))


class BlockWidths(NamedTuple):
    """Channels of the four branches of an Inception block."""

    plain: int
    narrow_1: int
    wide_1: int
    narrow_2: int
    wide_2: int
    pooled: int

    @property
    def out(self) -> int:
        """Channels of the concatenated branches."""
        return self.plain + self.wide_1 + self.wide_2 + self.pooled


class InceptionBlock(nn.Module):
    """Four branches side by side, each gated by itself."""

    def __init__(self, channels_in: int, widths: BlockWidths, gating: bool) -> None:
        super().__init__()
        cube, same = (3, 3, 3), (1, 1, 1)
        self.conv_b0 = STConv3D(channels_in, widths.plain)
        self.conv_b1_a = STConv3D(channels_in, widths.narrow_1)
        self.conv_b1_b = STConv3D(widths.narrow_1, widths.wide_1, cube, same, same, separable=True)
        self.conv_b2_a = STConv3D(channels_in, widths.narrow_2)
        self.conv_b2_b = STConv3D(widths.narrow_2, widths.wide_2, cube, same, same, separable=True)
        self.conv_b3_b = STConv3D(channels_in, widths.pooled)
        self.gating = gating
        if gating:
            self.gating_b0 = SelfGating(widths.plain)
            self.gating_b1 = SelfGating(widths.wide_1)
            self.gating_b2 = SelfGating(widths.wide_2)
            self.gating_b3 = SelfGating(widths.pooled)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        """Return the four branches, concatenated."""
        b0 = self.conv_b0(x_BCTHW)
        b1 = self.conv_b1_b(self.conv_b1_a(x_BCTHW))
        b2 = self.conv_b2_b(self.conv_b2_a(x_BCTHW))
        b3 = self.conv_b3_b(max_pool(x_BCTHW, (3, 3, 3), (1, 1, 1), (1, 1, 1)))
        if self.gating:
            b0, b1 = self.gating_b0(b0), self.gating_b1(b1)
            b2, b3 = self.gating_b2(b2), self.gating_b3(b3)
        return torch.cat([b0, b1, b2, b3], dim=1)
