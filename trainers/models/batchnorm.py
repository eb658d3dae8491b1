"""Batch normalisation whose statistics belong to a virtual rank, never to a process.

A global batch is V micro-batches ("virtual ranks"). Each is normalised by its own statistics, so
the result does not depend on how many workers share the V. The running statistics, used only in
evaluation, move once a step by the mean of the V statistics, in the order of the virtual ranks.

The loop does, every step:

    for each own micro-batch:  model(...); own.append(take_statistics(model))
    gather to statistics_VS in the order of virtual ranks
    update_running_statistics(model, statistics_VS)

Shape letters in this file:
    V  virtual ranks        S  all layers' means and variances, one after the other
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MOMENTUM = 0.1
"""Share of the new statistics in the running ones, PyTorch's default."""


class VirtualBatchNorm3d(nn.BatchNorm3d):
    """`nn.BatchNorm3d` that records a micro-batch's statistics instead of applying them.

    Same parameters, buffers and state-dict keys. With one virtual rank the running statistics
    after `update_running_statistics` are those of `nn.BatchNorm3d`.
    """

    def __init__(self, num_features: int) -> None:
        super().__init__(num_features, momentum=MOMENTUM)
        self.recording = True
        self.recorded: tuple[Tensor, Tensor] | None = None

    def forward(self, input: Tensor) -> Tensor:
        """Normalise; in training by the statistics of `input`, which are recorded."""
        if not self.training:
            return super().forward(input)
        if not self.recording:
            return F.batch_norm(input, None, None, self.weight, self.bias, True, 0.0, self.eps)
        # With momentum 1 the kernel leaves the plain mean and unbiased variance in its buffers:
        # no second pass over the input.
        mean_C, var_C = self.weight.new_zeros((2, self.num_features))
        output = F.batch_norm(input, mean_C, var_C, self.weight, self.bias, True, 1.0, self.eps)
        self.recorded = (mean_C, var_C)
        return output


def _layers(model: nn.Module) -> list[VirtualBatchNorm3d]:
    return [layer for layer in model.modules() if isinstance(layer, VirtualBatchNorm3d)]


@contextmanager
def statistics_not_recorded(model: nn.Module) -> Iterator[None]:
    """Within, training passes leave no statistics: for the second pass of cached gradients."""
    layers = _layers(model)
    for layer in layers:
        layer.recording = False
    try:
        yield
    finally:
        for layer in layers:
            layer.recording = True


def num_statistics(model: nn.Module) -> int:
    """Return S: a mean and a variance for each channel of each layer."""
    return sum(2 * layer.num_features for layer in _layers(model))


def take_statistics(model: nn.Module) -> Tensor:
    """Return, and forget, the statistics of the last recorded micro-batch, as one flat tensor S.

    A model without such layers gives an empty tensor.

    Raises:
        ValueError: If a layer has recorded nothing since the last call.
    """
    parts: list[Tensor] = []
    for layer in _layers(model):
        if layer.recorded is None:
            raise ValueError(
                "take_statistics needs one training pass with recording on before it, "
                "got a batch-norm layer that recorded nothing"
            )
        parts.extend(layer.recorded)
        layer.recorded = None
    return torch.cat(parts) if parts else torch.empty(0)


@torch.no_grad()
def update_running_statistics(model: nn.Module, statistics_VS: Tensor) -> None:
    """Move the running statistics once, by the mean over virtual ranks.

    The variances are averaged as they are: evaluation then normalises as training did, within
    a micro-batch. Call it on all workers with the same tensor.

    Raises:
        ValueError: If `statistics_VS` does not fit the model's layers.
    """
    layers, expected = _layers(model), num_statistics(model)
    if statistics_VS.ndim != 2 or statistics_VS.shape[1] != expected:
        raise ValueError(
            f"statistics_VS must have shape (V, {expected}), the layers of this model, "
            f"got {tuple(statistics_VS.shape)}"
        )
    parts = statistics_VS.mean(dim=0).split([n for m in layers for n in 2 * [m.num_features]])
    for layer, mean_C, var_C in zip(layers, parts[0::2], parts[1::2], strict=True):
        buffers = dict(layer.named_buffers())
        buffers["running_mean"].mul_(1 - MOMENTUM).add_(mean_C, alpha=MOMENTUM)
        buffers["running_var"].mul_(1 - MOMENTUM).add_(var_C, alpha=MOMENTUM)
        buffers["num_batches_tracked"].add_(1)
