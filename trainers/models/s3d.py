"""S3D-G, the video tower, from the published model down to one for a CPU.

Xie et al., ECCV 2018, as used by Miech et al., CVPR 2020. With default settings the layers, their
names and their order are those of the published `s3d_howto100m` weights without the text tower.

Shape letters in this file:
    B  clips    C  channels    T  frames    S  time steps left    H, W  height and width
    D  joint embedding
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from configs.models import ComputeConfig, S3DConfig
from trainers.models.convolve import channels_innermost
from trainers.models.inception import BlockWidths, InceptionBlock, SamePool, SelfGating, STConv3D
from trainers.models.outputs import VideoOutput

BLOCKS = {
    "3b": BlockWidths(64, 96, 128, 16, 32, 32),
    "3c": BlockWidths(128, 128, 192, 32, 96, 64),
    "4b": BlockWidths(192, 96, 208, 16, 48, 64),
    "4c": BlockWidths(160, 112, 224, 24, 64, 64),
    "4d": BlockWidths(128, 128, 256, 24, 64, 64),
    "4e": BlockWidths(112, 144, 288, 32, 64, 64),
    "4f": BlockWidths(256, 160, 320, 32, 128, 128),
    "5b": BlockWidths(256, 160, 320, 32, 128, 128),
    "5c": BlockWidths(384, 192, 384, 48, 128, 128),
}
"""Widths of the Inception blocks at width 1, in the order in which they follow each other."""

STAGE_POOLS = {
    "3": ("maxpool_3a", (1, 3, 3), (1, 2, 2)),
    "4": ("maxpool_4a", (3, 3, 3), (2, 2, 2)),
    "5": ("maxpool_5a", (2, 2, 2), (2, 2, 2)),
}
"""Name, kernel and stride of the pooling before each stage; a stage without blocks has none."""


def to_model_frames(frames_BTHWC: Tensor) -> Tensor:
    """Turn frames, uint8 or float in 0..1, into float BCTHW in 0..1."""
    frames_BCTHW = frames_BTHWC.permute(0, 4, 1, 2, 3)
    if frames_BTHWC.dtype == torch.uint8:
        return frames_BCTHW.float().div_(255)
    return frames_BCTHW


def space_to_depth(x_BCTHW: Tensor) -> Tensor:
    """Fold 2x2x2 neighbours into channels: B, C, T, H, W -> B, 8C, T/2, H/2, W/2.

    Raises:
        ValueError: If T, H or W is odd.
    """
    b, c, t, h, w = x_BCTHW.shape
    if t % 2 or h % 2 or w % 2:
        raise ValueError(
            "model.video.space_to_depth needs an even number of frames and an even size, got "
            f"{t} frames of {h} x {w}; see data.num_frames and data.size"
        )
    x = x_BCTHW.reshape(b, c, t // 2, 2, h // 2, 2, w // 2, 2)
    return x.permute(0, 3, 5, 7, 1, 2, 4, 6).reshape(b, 8 * c, t // 2, h // 2, w // 2)


class S3D(nn.Module):
    """Video tower: clips -> joint embedding, features over time, one feature."""

    def __init__(self, config: S3DConfig, compute: ComputeConfig | None = None) -> None:
        """Build it.

        Args:
            config: What it is.
            compute: How it is computed; None: by the defaults.

        Raises:
            ValueError: If `config.blocks` names no known blocks, or not in their order.
        """
        super().__init__()
        _check_blocks(config.blocks)
        self.compute = compute or ComputeConfig()
        self._map = torch.compile(self._layers) if self.compute.compile else self._layers
        self.space_to_depth = config.space_to_depth
        stem, wide = (scaled(n, config.width) for n in (64, 192))
        if config.space_to_depth:
            self.conv1 = STConv3D(24, stem, (2, 4, 4), padding=(1, 2, 2))
        else:
            kt, kh, kw = config.stem_kernel
            around = (kt // 2, kh // 2, kw // 2)
            self.conv1 = STConv3D(3, stem, (kt, kh, kw), stride=(2, 2, 2), padding=around)
        self.maxpool_2a = SamePool((1, 3, 3), (1, 2, 2))
        self.conv_2b = STConv3D(stem, stem)
        self.conv_2c = STConv3D(stem, wide, (3, 3, 3), padding=(1, 1, 1), separable=True)
        self.gating = SelfGating(wide) if config.gating else nn.Identity()
        self.after_stem: list[str] = []
        channels = wide
        for name in config.blocks:
            pool, kernel, stride = STAGE_POOLS[name[0]]
            if pool not in self.after_stem:
                self._append(pool, SamePool(kernel, stride))
            widths = BlockWidths(*(scaled(n, config.width) for n in BLOCKS[name]))
            self._append(f"mixed_{name}", InceptionBlock(channels, widths, config.gating))
            channels = widths.out
        self.fc = nn.Linear(channels, config.embedding_dim)
        self.feature_dim = channels
        """Width C of `sequence_BSC` and `feature_BC`."""

    def _append(self, name: str, module: nn.Module) -> None:
        self.add_module(name, module)
        self.after_stem.append(name)

    def trunk(self, frames_BTHWC: Tensor) -> Tensor:
        """Return the last map, B, C, S, H, W, in the precision that it was computed in."""
        x_BCTHW = to_model_frames(frames_BTHWC)
        if self.space_to_depth:
            x_BCTHW = space_to_depth(x_BCTHW)
        if self.compute.channels_last:
            x_BCTHW = channels_innermost(x_BCTHW)
        device = frames_BTHWC.device.type
        # Sizes are worked out on "meta", which has no precision to choose.
        if self.compute.precision == "fp32" or device == "meta":
            return self._map(x_BCTHW)
        with torch.autocast(device, torch.bfloat16):
            return self._map(x_BCTHW)

    def _layers(self, x_BCTHW: Tensor) -> Tensor:
        x_BCTHW = self._run(self._stem, x_BCTHW)
        for name in self.after_stem:
            x_BCTHW = self._run(self.get_submodule(name), x_BCTHW)
        return x_BCTHW

    def _stem(self, x_BCTHW: Tensor) -> Tensor:
        x_BCTHW = self.conv1(x_BCTHW)
        if self.space_to_depth:
            # The even kernel pads one too many at the low end; the crop takes it off again.
            x_BCTHW = x_BCTHW[:, :, 1:, 1:, 1:]
        x_BCTHW = self.conv_2c(self.conv_2b(self.maxpool_2a(x_BCTHW)))
        return self.gating(x_BCTHW)

    def _run(self, layers: Callable[[Tensor], Tensor], x_BCTHW: Tensor) -> Tensor:
        if self.compute.recompute and torch.is_grad_enabled():
            return checkpoint(layers, x_BCTHW, use_reentrant=False, preserve_rng_state=False)
        return layers(x_BCTHW)

    def forward(self, frames_BTHWC: Tensor) -> VideoOutput:
        """Embed clips.

        Args:
            frames_BTHWC: RGB frames, uint8 in 0..255 or float in 0..1.
        """
        map_BCSHW = self.trunk(frames_BTHWC)
        sequence_BSC = map_BCSHW.mean(dim=(3, 4), dtype=torch.float32).transpose(1, 2)
        feature_BC = sequence_BSC.mean(dim=1)
        return VideoOutput(self.fc(feature_BC), sequence_BSC, feature_BC)


def scaled(channels: int, width: float) -> int:
    """Scale a published channel count, to a multiple of 4 and at least 4."""
    return max(4, 4 * round(channels * width / 4))


def _check_blocks(blocks: tuple[str, ...]) -> None:
    if not blocks or list(blocks) != [name for name in BLOCKS if name in blocks]:
        raise ValueError(
            f"model.video.blocks must name some of {', '.join(BLOCKS)} in this order, "
            f"got {', '.join(blocks) or 'none'}"
        )
