"""Settings come in layers: defaults, a preset, a file, flags. The later one wins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Layer:
    """Part of a settings tree, and where it came from."""

    name: str
    """File name as shown to the user; empty for flags."""

    tree: dict[str, Any] = field(default_factory=dict)
    """Nested mappings down to the values."""


def merge(layers: Sequence[Layer]) -> dict[str, Any]:
    """Return one tree. Mappings are merged key by key; anything else replaces what was there."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = _merge(merged, layer.tree)
    return merged


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(old, value) if both else value
    return merged


def origin_of(path: Sequence[str], layers: Sequence[Layer]) -> str:
    """Return `FILE: key.path`, or `--key.path` where a flag set the value last."""
    dotted = ".".join(path)
    for layer in reversed(layers):
        if _has(layer.tree, path):
            return _named(layer, dotted)
    # A rule over several settings stands at the tree's root; a default stands in no layer.
    return f"settings: {dotted}" if dotted else "settings"


def _named(layer: Layer, dotted: str) -> str:
    if not layer.name:
        return f"--{dotted.replace('_', '-')}" if dotted else "flags"
    return f"{layer.name}: {dotted}" if dotted else layer.name


def _has(tree: Any, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return False
        tree = tree[key]
    return bool(path)
