"""Presets and YAML files: read with limits, and nothing in them is executed."""

from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from pipeline.settings.errors import SettingsError, did_you_mean
from pipeline.settings.layers import Layer

PRESETS = ("demo", "local", "cluster", "paper")
MAX_YAML_BYTES = 2**20


def preset_layer(preset: str, verb: str) -> Layer:
    """Return what `configs/PRESET/VERB.yaml` of the installed package sets.

    Raises:
        SettingsError: If there is no such preset.
    """
    if preset not in PRESETS:
        raise SettingsError([f"--preset: no preset {preset!r}{did_you_mean(preset, PRESETS)}"])
    data = resources.files("configs").joinpath(preset, f"{verb}.yaml").read_bytes()
    return Layer(f"configs/{preset}/{verb}.yaml", _parse(data, f"configs/{preset}/{verb}.yaml"))


def file_layer(name: str) -> Layer:
    """Return what a YAML file sets.

    Raises:
        SettingsError: If it cannot be read, is too large, or is not a YAML mapping.
    """
    path = Path(name)
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_YAML_BYTES + 1)
    except OSError as error:
        raise SettingsError([f"{name}: cannot be read: {error.strerror}"]) from error
    return Layer(name, _parse(data, name))


def _parse(data: bytes, name: str) -> dict[str, Any]:
    if len(data) > MAX_YAML_BYTES:
        raise SettingsError([f"{name}: must have at most {MAX_YAML_BYTES} bytes"])
    try:
        tree = yaml.load(data, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        raise SettingsError([f"{name}: must be plain YAML: {problem}"]) from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise SettingsError([f"{name}: must be a mapping of settings (got {type(tree).__name__})"])
    return tree


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, and aliases, which can blow up in memory."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value
            if not isinstance(key, str) or key_node.tag != "tag:yaml.org,2002:str":
                line = key_node.start_mark.line + 1
                raise yaml.YAMLError(f"keys must be words, line {line}")
            if key in seen:
                raise yaml.YAMLError(
                    f"the key {key!r} stands twice, line {key_node.start_mark.line + 1}"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)
