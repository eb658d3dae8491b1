"""3-D convolution and pooling of maps with channels innermost, in two dimensions or as products.

The kernels of S3D reach over time, over space or over neither, so hardly one needs three
dimensions. With channels innermost a map can be seen as images or as rows without a copy, and for
those libraries have faster kernels. benchmarks/s3d_step.py measures what it gives on a CPU.

Shape letters in this file:
    B  clips    C  channels    D  channels out    T  frames    H, W  height and width
    N  images: frames of all clips    P  pixels of a frame
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Triple = tuple[int, int, int]


def channels_innermost(x_BCTHW: Tensor) -> Tensor:
    """Return the same map, laid out in memory as B, T, H, W, C."""
    return x_BCTHW.contiguous(memory_format=torch.channels_last_3d)


def convolve(x_BCTHW: Tensor, layer: nn.Conv3d) -> Tensor:
    """Return what `layer` makes of a map; the layout of the map decides how, and is kept."""
    if not _is_innermost(x_BCTHW):
        return layer(x_BCTHW)
    d, c, *kernel = layer.weight.shape
    clips, (height, width) = len(x_BCTHW), x_BCTHW.shape[3:]
    stride, padding = layer.stride, tuple(map(int, layer.padding))
    match kernel:
        case [1, 1, 1] if stride == (1, 1, 1):
            y_BTHWD = F.linear(x_BCTHW.permute(0, 2, 3, 4, 1), layer.weight.view(d, c))
            return y_BTHWD.permute(0, 4, 1, 2, 3)
        case [1, _, _] if stride[0] == 1:
            weight_DCHW = layer.weight.squeeze(2)
            y_NDHW = F.conv2d(_images(x_BCTHW), weight_DCHW, None, stride[1:], padding[1:])
            return _from_images(y_NDHW, clips)
        case [k, 1, 1] if stride[1:] == (1, 1):
            weight_DCT1 = layer.weight.view(d, c, k, 1)
            stride_T, padding_T = (stride[0], 1), (padding[0], 0)
            y_BDTP = F.conv2d(_columns(x_BCTHW), weight_DCT1, None, stride_T, padding_T)
            return y_BDTP.unflatten(3, (height, width))
    return channels_innermost(layer(x_BCTHW))


def max_pool(x_BCTHW: Tensor, kernel: Triple, stride: Triple, padding: Triple) -> Tensor:
    """Return the maxima of windows, of those too that begin inside and reach over the high end.

    Where torch is to use deterministic kernels, first over space and then over time: on a GPU
    pooling in three dimensions has none. That keeps more for the way back, so it is not the rule.
    """
    if not (torch.are_deterministic_algorithms_enabled() and _is_innermost(x_BCTHW)):
        return F.max_pool3d(x_BCTHW, kernel, stride, padding, ceil_mode=True)
    images_NCHW = _images(x_BCTHW)
    images_NCHW = F.max_pool2d(images_NCHW, kernel[1:], stride[1:], padding[1:], ceil_mode=True)
    x_BCTHW = _from_images(images_NCHW, len(x_BCTHW))
    if kernel[0] == 1:
        return x_BCTHW
    height, width = x_BCTHW.shape[3:]
    over_T = ((kernel[0], 1), (stride[0], 1), (padding[0], 0))
    x_BCTP = F.max_pool2d(_columns(x_BCTHW), *over_T, ceil_mode=True)
    return x_BCTP.unflatten(3, (height, width))


def _is_innermost(x_BCTHW: Tensor) -> bool:
    innermost = x_BCTHW.is_contiguous(memory_format=torch.channels_last_3d)
    return innermost and not x_BCTHW.is_contiguous()


def _images(x_BCTHW: Tensor) -> Tensor:
    return x_BCTHW.transpose(1, 2).flatten(0, 1)


def _from_images(x_NCHW: Tensor, clips: int) -> Tensor:
    return x_NCHW.unflatten(0, (clips, -1)).transpose(1, 2)


def _columns(x_BCTHW: Tensor) -> Tensor:
    return x_BCTHW.flatten(3)
