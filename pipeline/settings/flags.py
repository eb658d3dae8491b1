"""Dotted flags, `--training.steps 60`, read by tyro into a layer of settings.

tyro gets a copy of the settings tree whose leaves are plain words. So it does what it is good at
(flags, help, which flag misses its value), and the settings themselves check every value from
every layer in one go.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

import tyro
from pydantic import BaseModel

from pipeline.settings.errors import did_you_mean, model_in
from pipeline.settings.layers import Layer

TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclasses.dataclass(frozen=True)
class Common:
    """Flags that are no settings."""

    preset: Annotated[
        str,
        tyro.conf.arg(
            metavar="{demo,local,cluster,paper}",
            help="Settings to begin with.",
            help_behavior_hint="(default: demo)",
        ),
    ] = ""
    config: Annotated[
        str,
        tyro.conf.arg(
            metavar="FILE",
            help="YAML file over the preset; flags go over both.",
            help_behavior_hint="(default: none)",
        ),
    ] = ""
    dry_run: Annotated[
        bool, tyro.conf.arg(help="Print the settings and the plan, and touch nothing.")
    ] = False


def read_flags(
    job: type[BaseModel],
    argv: Sequence[str],
    defaults: Mapping[str, Any],
    prog: str,
    description: str,
    words: Sequence[str] = (),
) -> tuple[Layer, list[str]]:
    """Return what the flags set, and a line for each word that is no flag.

    `--help` prints every setting with its docstring and exits 0; a flag without its value exits 2.

    Args:
        job: The settings tree.
        argv: Words of the command line after the verb.
        defaults: The tree below the flags, shown in the help text.
        prog: Name shown in the usage line.
        description: Text above the list of settings.
        words: What else may be given, for a word that resembles one.
    """
    mirror = _mirror(job, defaults, with_common=True)
    parsed, unknown = tyro.cli(
        tyro.conf.AvoidSubcommands[mirror],
        args=_spell_out_booleans(argv, set(_booleans(job))),
        default=mirror(),
        prog=prog,
        description=description,
        return_unknown_args=True,
    )
    layer = Layer("", _changed(parsed, mirror(), job))
    known = [*_leaves(job), *words]
    return layer, _complaints(unknown, known) + _lists_given_twice(job, argv)


def take_repeated(argv: Sequence[str], flag: str) -> tuple[list[str], list[str], list[str]]:
    """Take the values of a flag that may be given several times out of a command line.

    Values may begin with a dash, as ids of videos do.

    Returns:
        The values, the other words, and a line for each that is wrong.
    """
    values: list[str] = []
    others: list[str] = []
    complaints: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name != flag:
            others.append(word)
        elif equals:
            values.append(value)
        elif rest and not rest[0].startswith("--"):
            values.append(rest.pop(0))
        else:
            complaints.append(f"{flag}: must have a value (or {flag}=VALUE)")
    return values, others, complaints


def _mirror(job: type[BaseModel], defaults: Mapping[str, Any], with_common: bool = False) -> type:
    """Build the dataclass that tyro reads: same tree, same docstrings, words for values."""
    fields: list[Any] = []
    for name, info in job.model_fields.items():
        model = model_in(info.annotation)
        if model is not None:
            below = defaults.get(name)
            inner = _mirror(model, below if isinstance(below, Mapping) else {})
            fields.append((name, inner, dataclasses.field(default_factory=inner)))
            continue
        value = defaults.get(name, info.get_default(call_default_factory=True))
        kind, word, metavar = _word(info.annotation, value)
        help_text = " ".join((info.description or "").split()).replace("`", "")
        argument = tyro.conf.arg(help=help_text, metavar=metavar)
        fields.append((name, Annotated[kind, argument], dataclasses.field(default=word)))
    made = dataclasses.make_dataclass(
        job.__name__, fields, bases=(Common,) if with_common else (), frozen=True
    )
    made.__doc__ = None
    return made


def _word(annotation: Any, value: Any) -> tuple[Any, Any, str | None]:
    """Return the type that tyro reads, the default it shows, and the name of the value."""
    if annotation is bool:
        return bool, bool(value), None
    if get_origin(annotation) in (tuple, list):
        items = value if isinstance(value, tuple | list) else ()
        return tuple[str, ...], tuple(str(item) for item in items), None
    if get_origin(annotation) is Literal:
        metavar = "{" + ",".join(str(choice) for choice in get_args(annotation)) + "}"
        return str, str(value), metavar
    names = {int: "INT", float: "FLOAT", str: "STR"}
    return str, "" if value is None else str(value), names.get(annotation, "VALUE")


def _changed(parsed: Any, untouched: Any, job: type[BaseModel]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, info in job.model_fields.items():
        new, old = getattr(parsed, name), getattr(untouched, name)
        model = model_in(info.annotation)
        if model is not None:
            below = _changed(new, old, model)
            if below:
                tree[name] = below
        elif new != old:
            tree[name] = list(new) if isinstance(new, tuple) else new
    return tree


def _leaves(job: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, info in job.model_fields.items():
        model = model_in(info.annotation)
        if model is not None:
            yield from _leaves(model, f"{prefix}{name}.")
        else:
            yield f"--{prefix}{name}".replace("_", "-")


def _booleans(job: type[BaseModel], prefix: str = "") -> Iterator[str]:
    return _flags_of(job, lambda annotation: annotation is bool, prefix)


def _flags_of(job: type[BaseModel], wanted: Callable[[Any], bool], prefix: str) -> Iterator[str]:
    for name, info in job.model_fields.items():
        model = model_in(info.annotation)
        if model is not None:
            yield from _flags_of(model, wanted, f"{prefix}{name}.")
        elif wanted(info.annotation):
            yield f"--{prefix}{name}".replace("_", "-")


def _lists_given_twice(job: type[BaseModel], argv: Sequence[str]) -> list[str]:
    """Return a line for each flag of a list that stands there twice: only the last one counts."""
    given = [word.partition("=")[0].replace("_", "-") for word in argv]
    lists = _flags_of(job, lambda annotation: get_origin(annotation) in (tuple, list), "")
    return [
        f"{flag}: must stand once, with all its values behind it, got it {given.count(flag)} times"
        for flag in lists
        if given.count(flag) > 1
    ]


def _spell_out_booleans(argv: Sequence[str], booleans: set[str]) -> list[str]:
    """Turn `--data.flip false` and `--data.flip=false` into tyro's `--data.no-flip`."""
    words: list[str] = []
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        flag = flag.replace("_", "-")
        if f"{flag}.enabled" in booleans:
            # `--asr` switches on what `--asr.model` and the like set.
            flag = f"{flag}.enabled"
        if flag in booleans:
            if not equals and rest and rest[0].lower() in TRUE + FALSE:
                value = rest.pop(0)
            head, _, name = flag[2:].rpartition(".")
            off = value.lower() in FALSE
            words.append(f"--{head}{'.' if head else ''}{'no-' if off else ''}{name}")
        else:
            words.append(word)
    return words


def _complaints(unknown: Sequence[str], leaves: Sequence[str]) -> list[str]:
    known = [*leaves, "--preset", "--config", "--dry-run"]
    lines = []
    after_flag = False
    for word in unknown:
        if word.startswith("-") and not word.lstrip("-").replace(".", "", 1).isdigit():
            flag = word.partition("=")[0].replace("_", "-")
            near = did_you_mean(flag, known)
            lines.append(f"{flag}: no such flag{near if 'did you mean' in near else ''}")
            after_flag = "=" not in word
        elif not after_flag:
            lines.append(f"{word}: not understood; settings are given as --key.path VALUE")
        else:
            after_flag = False
    return lines
