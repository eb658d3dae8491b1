"""One verb with its checked settings, made into a job and sent to a cluster."""

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipeline.launching.contents import Contents, read_contents
from pipeline.launching.ending import STOP_WAIT_VARIABLE, VARIABLE
from pipeline.launching.find import (
    FOLDER_KEY,
    NAME,
    VERB_KEY,
    attempts_of,
    submission_id,
)
from pipeline.launching.package import ADDED, write_package
from pipeline.launching.places import absolute, places, refuse_secret, settled
from pipeline.settings.load import JOBS, resolve
from pipeline.verbs import read_report_words

SETTINGS = "settings.yaml"


@dataclass(frozen=True, slots=True)
class Launch:
    """A job as it will be sent."""

    name: str
    verb: str
    words: tuple[str, ...]
    """What follows the verb on the cluster."""

    folder: str
    """What the verb writes."""

    contents: Contents
    added: dict[str, str] = field(default_factory=dict)
    """Texts that travel beside the folder, by their names."""

    places: dict[str, str] = field(default_factory=dict)
    """Paths and URLs that the job reads or writes, by their settings."""

    grace_s: int = 600
    """Seconds that a job gets to drain when it is stopped, before it is killed."""

    @property
    def entrypoint(self) -> str:
        """Return the line that a shell on the head runs.

        `exec`: signals reach the verb itself, and its exit code is the job's.
        """
        return "exec " + shlex.join(["python", "-m", "pipeline.cli", self.verb, *self.words])

    def variables(self, attempt: int) -> dict[str, str]:
        """Return the environment of the job. No value of ours travels: it could be a secret."""
        return {
            VARIABLE: submission_id(self.name, attempt),
            STOP_WAIT_VARIABLE: str(self.grace_s),
        }


def make_launch(
    verb: str,
    words: Sequence[str],
    name: str,
    here: Path,
    grace_s: int,
    *,
    insecure_local: bool = False,
) -> Launch:
    """Check everything that can be checked here.

    Args:
        verb: One of `pipeline.verbs.LAUNCHED`.
        words: Its settings, as they are given to the verb itself.
        name: Name of the job; empty: that of its run, or of the folder that it writes.
        here: Folder that travels, and from which relative paths count.
        grace_s: Seconds that the job gets to drain when it is stopped.
        insecure_local: Whether the job, too, may talk to a cluster that lets everybody in.

    Raises:
        ValueError: If settings, name or folder cannot be used.
    """
    if verb == "report" and words and not words[0].startswith("-"):
        return _report_on_shards(words, name, here, grace_s)
    job = resolve(verb, words, f"weakvid launch {verb}").job
    tree = settled(job, here)
    at = ["--config", f"{ADDED}/{SETTINGS}"]
    if "ray" in tree:
        if tree["ray"]["address"] not in ("local", "auto"):
            raise ValueError(
                "ray.address must be left out, since the job runs on the cluster of --address, "
                f"got {tree['ray']['address']!r}"
            )
        at += ["--ray.address", "auto"]
        tree["ray"]["insecure_local"] |= insecure_local
    folder = _written(verb, tree)
    return Launch(
        name=_name(name, tree["run"]["name"] if "run" in tree else folder),
        verb=verb,
        words=tuple(at),
        folder=folder,
        contents=read_contents(here),
        added={SETTINGS: yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)},
        places=places(JOBS[verb].model_validate(tree)),
        grace_s=grace_s,
    )


def next_attempt(launch: Launch, client: Any) -> int:
    """Return the number of the attempt to come.

    Raises:
        ValueError: If one is under way.
    """
    before = attempts_of(launch.name, client)
    if before and not before[-1].is_over:
        last = before[-1]
        raise ValueError(
            f"--name must be that of no job under way, got {launch.name}: {last.submission_id} "
            f"({last.verb}) is {last.status}; `weakvid logs {launch.name} --follow` shows it, "
            f"`weakvid stop {launch.name}` ends it"
        )
    return before[-1].attempt + 1 if before else 1


def send(launch: Launch, attempt: int, client: Any) -> str:
    """Send the package and the job; return the submission id.

    Raises:
        ValueError: If the same attempt was launched meanwhile.
        RuntimeError: If the cluster does not take it.
    """
    identity = submission_id(launch.name, attempt)
    with tempfile.TemporaryDirectory(prefix="weakvid-launch-") as scratch:
        package = Path(scratch) / "package.zip"
        write_package(launch.contents, launch.added, package)
        runtime_env = {"working_dir": str(package), "env_vars": launch.variables(attempt)}
        try:
            return client.submit_job(
                entrypoint=launch.entrypoint,
                submission_id=identity,
                runtime_env=runtime_env,
                metadata={VERB_KEY: launch.verb, FOLDER_KEY: launch.folder},
            )
        except RuntimeError as error:
            if "already exists" not in str(error):
                raise
            raise ValueError(
                f"{identity} must be new, got one that was launched just now; "
                f"`weakvid logs {launch.name} --follow` shows it"
            ) from error


def _report_on_shards(words: Sequence[str], name: str, here: Path, grace_s: int) -> Launch:
    given = {key: str(value) for key, value in read_report_words(list(words)).items()}
    for key, value in given.items():
        refuse_secret(key, value)
    at = {key: absolute(value, here) for key, value in given.items()}
    folder = at.pop("folder")
    options = [word for key, value in at.items() if value for word in (f"--{key}", value)]
    return Launch(
        name=_name(name, folder),
        verb="report",
        words=(folder, *options),
        folder=folder,
        contents=read_contents(here),
        places={"DIR": folder, **{f"--{key}": value for key, value in at.items() if value}},
        grace_s=grace_s,
    )


def _written(verb: str, tree: dict[str, Any]) -> str:
    match verb:
        case "shards":
            return tree["shards"]["out"]
        case "asr":
            return tree["sources"]["transcripts"]
        case "compare":
            return tree["grid"]["out"]
        case "embed" if tree["embedding"]["out"]:
            return tree["embedding"]["out"]
        case _:
            return f"{tree['run']['root'].rstrip('/')}/{tree['run']['name']}"


def _name(given: str, otherwise: str) -> str:
    """Return the name of a job: the given one, else the last part of what it writes."""
    name = given or otherwise.rstrip("/").rpartition("/")[2]
    if not NAME.fullmatch(name):
        raise ValueError(
            "--name must be letters, digits, `_`, `.` and `-`, at most 64, and begin with a "
            f"letter or digit, got {name!r}"
        )
    return name
