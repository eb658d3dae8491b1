"""From a verb and its words to checked settings: defaults < preset < file < flags."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from configs.demo_corpus import DemoCorpusConfig
from configs.grid import CompareJob
from configs.runs import AsrJob, EmbedJob, EvaluateJob, ReportJob, ShardsJob, TrainJob
from pipeline.settings.errors import SettingsError, describe
from pipeline.settings.files import file_layer, preset_layer
from pipeline.settings.flags import read_flags, take_repeated
from pipeline.settings.layers import Layer, merge

JOBS: dict[str, type[BaseModel]] = {
    "shards": ShardsJob,
    "asr": AsrJob,
    "train": TrainJob,
    "evaluate": EvaluateJob,
    "compare": CompareJob,
    "embed": EmbedJob,
    "report": ReportJob,
    "demo-corpus": DemoCorpusConfig,
}

# Presets leave these open where only the user can know them.
REQUIRED: dict[str, tuple[str, ...]] = {
    "shards": ("sources.path", "shards.out"),
    "asr": ("sources.path", "sources.transcripts"),
    "train": ("data.shards",),
}

# Words that are short for a setting.
SHORT: dict[str, dict[str, str]] = {
    "train": {"--from": "--checkpoints.branch", "--override": "--checkpoints.override"},
}

WORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (
        ("--from RUN@STEP", "begin with a checkpoint of another run (checkpoints.branch)"),
        ("--override", "go on though settings, samples or code differ (checkpoints.override)"),
        (
            "--overfit-one-batch",
            "learn one micro-batch by heart in this process; writes nothing",
        ),
    ),
}
"""What may be given beside settings, and what it does."""

WITHOUT_PRESETS = frozenset({"asr", "compare", "demo-corpus", "embed"})


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settings of one command."""

    job: Any
    """The checked tree."""

    dry_run: bool
    """Whether the command only says what it would do."""


def resolve(verb: str, argv: Sequence[str], prog: str, description: str = "") -> Resolved:
    """Read preset, file and flags, and check them as a whole.

    Args:
        verb: A key of `JOBS`.
        argv: Words of the command line after the verb.
        prog: Name shown in the usage line.
        description: Text above the list of settings in the help.

    Raises:
        SettingsError: With every line that is wrong.
    """
    job = JOBS[verb]
    removed, argv, missing = take_repeated(argv, "--remove") if verb == "shards" else ([], argv, [])
    argv = [_spelled_out(verb, word) for word in argv]
    common = _common(argv)
    layers = base_layers(verb, common.preset, common.config)
    text = "\n".join([description, *_word_lines(verb)])
    words = [word.partition(" ")[0] for word, _ in WORDS.get(verb, ())]
    flags, complaints = read_flags(job, argv, merge(layers), prog, text, words)
    layers += [flags, *([Layer("", {"remove": removed})] if removed else [])]
    return Resolved(check(verb, layers, [*missing, *complaints]), common.dry_run)


def base_layers(verb: str, preset: str, config: str) -> list[Layer]:
    """Return what stands below the flags.

    Raises:
        SettingsError: If the preset or the file cannot be read.
    """
    if verb in WITHOUT_PRESETS and preset:
        raise SettingsError([f"--preset: {verb} has no presets"])
    layers = [] if verb in WITHOUT_PRESETS else [preset_layer(preset or "demo", verb)]
    if config:
        layers.append(file_layer(config))
    return layers


def check(
    verb: str, layers: Sequence[Layer], complaints: Sequence[str] = (), complete: bool = True
) -> Any:
    """Return the checked settings tree of a verb.

    Args:
        verb: A key of `JOBS`.
        layers: Where values come from, the strongest last.
        complaints: Lines that are wrong already.
        complete: Whether what only the user can know must have been given.

    Raises:
        SettingsError: With every line that is wrong, `complaints` first.
    """
    lines = list(complaints)
    try:
        job = JOBS[verb].model_validate(merge(layers))
    except ValidationError as error:
        raise SettingsError([*lines, *describe(error, JOBS[verb], layers)]) from error
    lines += [
        f"--{path.replace('_', '-')}: must be given, here or in a --config file (got '')"
        for path in REQUIRED.get(verb, ())
        if complete and not _value_at(job, path) and not _is_spared(job, path)
    ]
    if lines:
        raise SettingsError(lines)
    return job


def to_yaml(job: BaseModel) -> str:
    """Return the whole tree as YAML that `--config` reads back."""
    return yaml.safe_dump(job.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _word_lines(verb: str) -> list[str]:
    """Return what the help says of words that are no settings."""
    words = WORDS.get(verb, ())
    return ["", "also:", *(f"  {word:<21} {what}" for word, what in words)] if words else []


def _spelled_out(verb: str, word: str) -> str:
    flag, equals, value = word.partition("=")
    return f"{SHORT.get(verb, {}).get(flag, flag)}{equals}{value}"


def _common(argv: Sequence[str]) -> argparse.Namespace:
    """Read the flags that decide what the help text and the other flags stand on."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--preset", default="")
    parser.add_argument("--config", default="")
    parser.add_argument("--dry-run", "--dry_run", action="store_true")
    try:
        return parser.parse_known_args(list(argv))[0]
    except argparse.ArgumentError as error:
        raise SettingsError([f"{error.argument_name}: must have a value"]) from error


def _is_spared(job: Any, path: str) -> bool:
    """Return whether a command does without this: videos are taken down without their sources."""
    return path == "sources.path" and bool(getattr(job, "remove", ()))


def _value_at(job: BaseModel, path: str) -> Any:
    value: Any = job
    for key in path.split("."):
        value = getattr(value, key)
    return value
