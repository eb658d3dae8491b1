"""S3D-G written straight down with torch.nn, the baseline of `benchmarks.s3d_step`.

No optimisation: one module a layer, tensors as torch lays them out. Names are the published ones,
so that both models hold the same weights. Tests compare ours with it, too.

Shape letters in this file:
    B  clips    C  channels    T  frames    H, W  height and width
"""

import torch
from torch import Tensor, nn

BLOCKS = {
    "3b": (192, 64, 96, 128, 16, 32, 32),
    "3c": (256, 128, 128, 192, 32, 96, 64),
    "4b": (480, 192, 96, 208, 16, 48, 64),
    "4c": (512, 160, 112, 224, 24, 64, 64),
    "4d": (512, 128, 128, 256, 24, 64, 64),
    "4e": (512, 112, 144, 288, 32, 64, 64),
    "4f": (528, 256, 160, 320, 32, 128, 128),
    "5b": (832, 256, 160, 320, 32, 128, 128),
    "5c": (832, 384, 192, 384, 48, 128, 128),
}
"""Channels in, then those of the branches, by block."""


class Conv(nn.Module):
    """Convolution, batch norm, ReLU; twice if it is separable."""

    def __init__(
        self, cin: int, cout: int, kernel: tuple[int, int, int], **options: object
    ) -> None:
        super().__init__()
        separable = bool(options.pop("separable", False))
        kt, kh, kw = kernel
        first = (1, kh, kw) if separable else kernel
        pad = options.get("padding", tuple(k // 2 for k in first))
        stride = options.get("stride", 1)
        self.conv1 = nn.Conv3d(cin, cout, first, stride, pad, bias=False)
        self.bn1 = nn.BatchNorm3d(cout)
        self.separable = separable
        if separable:
            self.conv2 = nn.Conv3d(cout, cout, (kt, 1, 1), 1, (kt // 2, 0, 0), bias=False)
            self.bn2 = nn.BatchNorm3d(cout)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        if self.separable:
            x = self.relu(self.bn2(self.conv2(x)))
        return x


class Gate(nn.Module):
    """Scale channels by a gate that sees their means."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.fc(torch.mean(x, dim=[2, 3, 4])))
        return gate[:, :, None, None, None] * x


class SamePool(nn.Module):
    """Pad by zeros as TensorFlow's SAME, then take the maximum."""

    def __init__(self, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> None:
        super().__init__()
        pads = []
        for k, s in zip(kernel[::-1], stride[::-1], strict=True):
            whole = max(k - s, 0)
            pads += [whole // 2, whole - whole // 2]
        self.pad = nn.ConstantPad3d(tuple(pads), 0)
        self.pool = nn.MaxPool3d(kernel, stride, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.pad(x))


class Block(nn.Module):
    """Four branches, each gated."""

    def __init__(self, cin: int, n0: int, n1a: int, n1b: int, n2a: int, n2b: int, n3: int) -> None:
        super().__init__()
        self.conv_b0 = Conv(cin, n0, (1, 1, 1))
        self.conv_b1_a = Conv(cin, n1a, (1, 1, 1))
        self.conv_b1_b = Conv(n1a, n1b, (3, 3, 3), separable=True)
        self.conv_b2_a = Conv(cin, n2a, (1, 1, 1))
        self.conv_b2_b = Conv(n2a, n2b, (3, 3, 3), separable=True)
        self.maxpool_b3 = nn.MaxPool3d(3, stride=1, padding=1)
        self.conv_b3_b = Conv(cin, n3, (1, 1, 1))
        self.gating_b0, self.gating_b1 = Gate(n0), Gate(n1b)
        self.gating_b2, self.gating_b3 = Gate(n2b), Gate(n3)

    def forward(self, x: Tensor) -> Tensor:
        b0 = self.gating_b0(self.conv_b0(x))
        b1 = self.gating_b1(self.conv_b1_b(self.conv_b1_a(x)))
        b2 = self.gating_b2(self.conv_b2_b(self.conv_b2_a(x)))
        b3 = self.gating_b3(self.conv_b3_b(self.maxpool_b3(x)))
        return torch.cat((b0, b1, b2, b3), dim=1)


class PlainS3D(nn.Module):
    """S3D-G of width 1 with all blocks; clips BCTHW in 0..1 -> joint embedding, last map."""

    def __init__(self, embedding_dim: int = 512, space_to_depth: bool = True) -> None:
        super().__init__()
        self.space_to_depth = space_to_depth
        if space_to_depth:
            self.conv1 = Conv(24, 64, (2, 4, 4), padding=(1, 2, 2))
        else:
            self.conv1 = Conv(3, 64, (3, 7, 7), stride=2)
        self.maxpool_2a = SamePool((1, 3, 3), (1, 2, 2))
        self.conv_2b = Conv(64, 64, (1, 1, 1))
        self.conv_2c = Conv(64, 192, (3, 3, 3), separable=True)
        self.gating = Gate(192)
        self.maxpool_3a = SamePool((1, 3, 3), (1, 2, 2))
        self.maxpool_4a = SamePool((3, 3, 3), (2, 2, 2))
        self.maxpool_5a = SamePool((2, 2, 2), (2, 2, 2))
        for name, widths in BLOCKS.items():
            self.add_module(f"mixed_{name}", Block(*widths))
        self.fc = nn.Linear(1024, embedding_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.space_to_depth:
            b, c, t, h, w = x.shape
            x = x.view(b, c, t // 2, 2, h // 2, 2, w // 2, 2)
            x = x.permute(0, 3, 5, 7, 1, 2, 4, 6).contiguous()
            x = self.conv1(x.view(b, 8 * c, t // 2, h // 2, w // 2))[:, :, 1:, 1:, 1:]
        else:
            x = self.conv1(x)
        x = self.conv_2c(self.conv_2b(self.maxpool_2a(x)))
        x = self.maxpool_3a(self.gating(x))
        for name in BLOCKS:
            if name in ("4b", "5b"):
                x = self.get_submodule("maxpool_4a" if name == "4b" else "maxpool_5a")(x)
            x = self.get_submodule(f"mixed_{name}")(x)
        return self.fc(x.mean(dim=[2, 3, 4])), x
