"""Reading and writing files of weights. Nothing in a file is executed.

x.safetensors   ours, with the towers' settings in its metadata
x.pth           published: a plain state dict
x.pth.tar       public training code: {"epoch", "state_dict"}, names with `module.`
"""

import io
import json
import pickle
from pathlib import Path
from typing import Any, Literal

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from configs.models import ModelConfig
from shards.storage import write_atomic
from trainers.weights.names import State, to_ours, to_published, to_training

Layout = Literal["ours", "published", "training"]

SUFFIXES: dict[str, Layout] = {
    ".safetensors": "ours",
    ".pth.tar": "training",
    ".pth": "published",
}
"""How a file is written, by the end of its name."""

_SETTINGS = "weakvid"


def layout_of(path: Path) -> Layout:
    """Return the layout that the name of a file asks for.

    Raises:
        ValueError: If it asks for none.
    """
    for suffix, layout in SUFFIXES.items():
        if path.name.endswith(suffix):
            return layout
    raise ValueError(f"a file of weights must end in {', '.join(SUFFIXES)}, got {path.name!r}")


def read_weights(path: Path) -> tuple[State, dict[str, Any] | None]:
    """Return a file's tensors under our names, and the towers' settings if it holds them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no file of weights, or holds more than tensors.
    """
    if path.name.endswith(".safetensors"):
        return _read_safetensors(path)
    try:
        # The pickle in it is read by an unpickler that makes tensors and plain containers only.
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(
            f"{path} must hold tensors and plain values only, got: {first}; where it is trusted, "
            "torch.save its state dict alone"
        ) from error
    if isinstance(loaded, dict) and isinstance(loaded.get("state_dict"), dict):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, dict) or not loaded:
        raise ValueError(f"{path} must hold a state dict, got {type(loaded).__name__}")
    strangers = [name for name, value in loaded.items() if not isinstance(value, Tensor)]
    if strangers:
        raise ValueError(f"{path} must hold a state dict of tensors, got {strangers[:4]}")
    return to_ours(loaded), None


def write_weights(path: Path, state: State, config: ModelConfig) -> None:
    """Write tensors with our names in the layout that the file's name asks for.

    Args:
        path: Ends in one of `SUFFIXES`. It is there whole or not at all.
        state: Tensors under our names.
        config: The settings of the towers, kept where the layout has room for them.

    Raises:
        ValueError: If the name asks for no layout.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    match layout_of(path):
        case "ours":
            towers = config.model_dump(mode="json", include={"video", "text"})
            metadata = {"format": "pt", _SETTINGS: json.dumps(towers, sort_keys=True)}
            data = safetensors.torch.save(state, metadata)
        case "published":
            data = _saved(to_published(state))
        case "training":
            data = _saved({"epoch": 0, "state_dict": to_training(state)})
    write_atomic(str(path), data)


def _read_safetensors(path: Path) -> tuple[State, dict[str, Any] | None]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            settings = (file.metadata() or {}).get(_SETTINGS)
            return to_ours(state), None if settings is None else json.loads(settings)
    except (safetensors.SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} must be a whole safetensors file, got: {error}") from error


def _saved(tree: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    torch.save(tree, stream)
    return stream.getvalue()
