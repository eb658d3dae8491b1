"""Paths among settings, made to mean on a cluster what they mean here.

A job runs in a folder of Ray's own on the head, which goes when its cluster does: what a relative
path named there would be lost.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel

from configs.settings import PLACE, PLACE_OR_NAME

NOT_SENT = ("password in a URL", "signature in a URL")
"""What a place must not hold: settings are shown in a dashboard and written beside the results."""

_SIGNED = ("signature=", "sig=", "token=", "credential=")


def settled(job: BaseModel, here: Path) -> dict[str, Any]:
    """Return the tree of settings in which relative paths count from `here`; URLs stay.

    Raises:
        ValueError: If a place holds a secret.
    """

    def change(name: str, kind: str, value: str) -> str:
        refuse_secret(name, value)
        if kind == PLACE_OR_NAME and not (here / value).exists() and not _is_spelled_path(value):
            return value
        return absolute(value, here)

    return _walk(job, change)


def places(job: BaseModel) -> dict[str, str]:
    """Return the paths and URLs that are set, by the dotted names of their settings."""
    found: dict[str, str] = {}

    def note(name: str, kind: str, value: str) -> str:
        if kind == PLACE and value:
            found[name] = f"{found[name]} {value}" if name in found else value
        return value

    _walk(job, note)
    return found


def absolute(place: str, here: Path) -> str:
    """Return a path that counts from `here`, or the URL itself; nothing stays nothing."""
    return place if not place or "://" in place else str((here / place).absolute())


def refuse_secret(name: str, place: str) -> None:
    """Raise where a URL carries a password or a signature.

    Raises:
        ValueError: Without the value: it is a secret.
    """
    parts = urlsplit(place) if "://" in place else None
    if parts is None:
        return
    signed = any(word in parts.query.lower() for word in _SIGNED)
    if "@" in parts.netloc or signed:
        raise ValueError(
            f"{name} must hold no {NOT_SENT[signed]}, which everybody who sees the job could read; "
            "give the nodes the right to read it instead (docs/launching.md)"
        )


def _is_spelled_path(value: str) -> bool:
    return value.startswith(("/", "./", "../"))


def _walk(
    model: BaseModel, change: Callable[[str, str, str], str], prefix: str = ""
) -> dict[str, Any]:
    tree = model.model_dump(mode="json")
    for name, info in type(model).model_fields.items():
        value, dotted = getattr(model, name), f"{prefix}{name}"
        if isinstance(value, BaseModel):
            tree[name] = _walk(value, change, f"{dotted}.")
            continue
        kind = next(_kinds(info), None)
        if kind is None:
            continue
        many = isinstance(value, tuple)
        settled_values = [change(dotted, kind, one) for one in (value if many else (value,))]
        tree[name] = settled_values if many else settled_values[0]
    return tree


def _kinds(info: Any) -> Iterator[str]:
    """Yield the marks of a setting: its own, or those of what its list holds."""
    marks = list(info.metadata)
    for inner in get_args(info.annotation):
        marks += getattr(inner, "__metadata__", ())
    yield from (mark for mark in marks if mark in (PLACE, PLACE_OR_NAME))
