"""What is wrong with settings, all at once, each with the file or flag to change."""

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from pipeline.settings.layers import Layer, origin_of

MAX_SHOWN_CHARS = 80


class SettingsError(ValueError):
    """One line for each thing that is wrong."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


def describe(error: ValidationError, job: type[BaseModel], layers: Sequence[Layer]) -> list[str]:
    """Return lines `FILE: key.path: what must hold (got VALUE)`, or `--key.path: ...` for a flag.

    Args:
        error: What pydantic found in the merged layers.
        job: The settings tree that was checked.
        layers: Where each value came from, the strongest last.
    """
    return list(dict.fromkeys(_lines(error, job, layers)))


def _lines(error: ValidationError, job: type[BaseModel], layers: Sequence[Layer]) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        path = tuple(part for part in problem["loc"] if isinstance(part, str))
        where = origin_of(path, layers)
        message = _message(problem["type"], problem["msg"], path, job)
        # A message of our own validators tells what it got.
        told = problem["type"] in ("value_error", "missing")
        got = "" if told else f" (got {shown(problem['input'])})"
        yield f"{where}: {message}{got}"


def _message(kind: str, message: str, path: tuple[str, ...], job: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        return "no such setting" + did_you_mean(path[-1], settings_at(job, path[:-1]))
    if kind == "model_type":
        return "must be a mapping of settings"
    message = message.removeprefix("Value error, ")
    return message.replace("Input should", "must", 1)


def settings_at(job: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """Return the names of the settings below a key path, none where there is no such path."""
    model = job
    for key in path:
        field = model.model_fields.get(key)
        below = model_in(field.annotation) if field else None
        if below is None:
            return []
        model = below
    return list(model.model_fields)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the settings class that a field holds, also where it is `X | None`."""
    for kind in (annotation, *get_args(annotation)):
        # A parametrised generic passes for a class in isinstance and fails in issubclass.
        if isinstance(kind, type) and not get_args(kind) and issubclass(kind, BaseModel):
            return kind
    return None


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """Return `; did you mean X?` where a choice resembles the word, else the choices."""
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(choices)}" if choices else ""


def shown(value: Any) -> str:
    """Return a value on one line, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_CHARS else text[: MAX_SHOWN_CHARS - 3] + "..."
