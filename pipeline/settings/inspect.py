"""`weakvid config`: check settings, show them in full, or say how two differ."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.console import say
from pipeline.settings.errors import SettingsError, did_you_mean
from pipeline.settings.files import PRESETS, file_layer, preset_layer
from pipeline.settings.load import JOBS, check, resolve, to_yaml

ACTIONS = ("check", "show", "diff")


def run(words: Sequence[str]) -> int:
    """Run `check VERB ...`, `show VERB ...` or `diff VERB LEFT RIGHT`; return the exit code.

    Raises:
        SettingsError: If the words, or the settings that they name, are wrong.
    """
    action, verb, rest = words[0], words[1] if len(words) > 1 else "", list(words[2:])
    if action not in ACTIONS:
        raise SettingsError([f"config: no action {action!r}{did_you_mean(action, ACTIONS)}"])
    if verb not in JOBS:
        raise SettingsError([f"config {action}: no verb {verb!r}{did_you_mean(verb, list(JOBS))}"])
    if action == "diff":
        return _diff(verb, rest)
    job = resolve(verb, rest, f"weakvid config {action} {verb}").job
    say(f"{verb}: settings hold" if action == "check" else to_yaml(job).rstrip())
    return 0


def _diff(verb: str, names: Sequence[str]) -> int:
    if len(names) != 2:
        raise SettingsError(
            [f"config diff: must be given two presets or YAML files (got {len(names)})"]
        )
    left, right = (_flat(_tree(verb, name)) for name in names)
    for key in dict.fromkeys([*left, *right]):
        old, new = left.get(key), right.get(key)
        if old != new:
            say(f"{key}: {old!r} -> {new!r}")
    return 0


def _tree(verb: str, name: str) -> dict[str, Any]:
    """Return the full settings of a preset, or of a file over the defaults."""
    is_preset = name in PRESETS and not Path(name).is_file()
    layer = preset_layer(name, verb) if is_preset else file_layer(name)
    return check(verb, [layer], complete=False).model_dump(mode="json")


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    return dict(_leaves(tree, prefix))


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
