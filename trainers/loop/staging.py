"""A copy of a training state in host memory, which a thread may write while training goes on."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Staging:
    """Owns the memory that states are copied into; it serves one copy after the other."""

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}

    def copy(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the state with its tensors copied; an earlier copy is overwritten."""
        copied = {key: self._copied(value, str(key)) for key, value in state.items()}
        if torch.cuda.is_available():
            # Copies from a GPU are under way until here.
            torch.cuda.synchronize()
        return copied

    def _copied(self, value: Any, name: str) -> Any:
        if isinstance(value, Tensor):
            return self._buffer(value, name).copy_(value.detach(), non_blocking=True)
        if isinstance(value, Mapping):
            return {key: self._copied(one, f"{name}/{key}") for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._copied(one, f"{name}/{place}") for place, one in enumerate(value)]
        return value

    def _buffer(self, tensor: Tensor, name: str) -> Tensor:
        buffer = self._buffers.get(name)
        if buffer is None or (buffer.shape, buffer.dtype) != (tensor.shape, tensor.dtype):
            buffer = torch.empty_like(tensor, device="cpu", pin_memory=tensor.is_cuda)
            self._buffers[name] = buffer
        return buffer
