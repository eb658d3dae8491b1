"""3-D convolution of maps with channels innermost, in two dimensions or as a matrix product.

The kernels of S3D reach over time, over space or over neither, so hardly one needs a convolution in
three dimensions. With channels innermost a map can be seen as images or as rows without a copy,
and for those libraries have faster kernels. benchmarks/s3d_step.py measures what it gives.

Shape letters in this file:
    B  clips    C  channels in    D  channels out    T  frames    H, W  height and width
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def channels_innermost(x_BCTHW: Tensor) -> Tensor:
    """Return the same map, laid out in memory as B, T, H, W, C."""
    return x_BCTHW.contiguous(memory_format=torch.channels_last_3d)


def convolve(x_BCTHW: Tensor, layer: nn.Conv3d) -> Tensor:
    """Return what `layer` makes of a map; the layout of the map decides how, and is kept."""
    if x_BCTHW.is_contiguous() or not _is_innermost(x_BCTHW):
        return layer(x_BCTHW)
    d, c, *kernel = layer.weight.shape
    b, _, t, h, w = x_BCTHW.shape
    x_BTHWC = x_BCTHW.permute(0, 2, 3, 4, 1)
    stride, padding = layer.stride, layer.padding
    match kernel:
        case [1, 1, 1] if stride == (1, 1, 1):
            y_BTHWD = F.linear(x_BTHWC, layer.weight.view(d, c))
        case [1, _, _] if stride[0] == 1:
            images_NCHW = x_BTHWC.reshape(b * t, h, w, c).permute(0, 3, 1, 2)
            weight_DCHW = layer.weight.squeeze(2)
            y_NDHW = F.conv2d(images_NCHW, weight_DCHW, None, stride[1:], padding[1:])
            y_BTHWD = y_NDHW.permute(0, 2, 3, 1).unflatten(0, (b, t))
        case [k, 1, 1] if stride[1:] == (1, 1):
            images_BCTN = x_BTHWC.reshape(b, t, h * w, c).permute(0, 3, 1, 2)
            weight_DCT1 = layer.weight.view(d, c, k, 1)
            y_BDTN = F.conv2d(images_BCTN, weight_DCT1, None, (stride[0], 1), (padding[0], 0))
            y_BTHWD = y_BDTN.permute(0, 2, 3, 1).unflatten(2, (h, w))
        case _:
            return channels_innermost(layer(x_BCTHW))
    return y_BTHWD.permute(0, 4, 1, 2, 3)


def _is_innermost(x_BCTHW: Tensor) -> bool:
    return x_BCTHW.is_contiguous(memory_format=torch.channels_last_3d)
