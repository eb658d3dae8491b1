"""The page on deploying: what it shows of a file stands there, what is typed is understood."""

import itertools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.settings.load import resolve
from pipeline.verbs import SUMMARIES

SHOWN = re.compile(r"^<!-- (deploy/\S+) -->\n```\w+\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
TYPED = re.compile(r"^```sh\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
SETTINGS = ("shards", "asr", "train", "evaluate", "report")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "deploying.md").read_text()


def commands(page: str) -> Iterator[list[str]]:
    for block in TYPED.findall(page):
        for line in block.splitlines():
            for command in re.split(r" && | > /dev/null", line):
                if command.strip():
                    yield shlex.split(command)


def weakvid_words(command: list[str]) -> list[str] | None:
    """What follows `weakvid` in a command, however it is called."""
    for program in ("weakvid", "deploy/slurm/weakvid.sbatch"):
        if program in command:
            return command[command.index(program) + 1 :]
    return None


def test_what_it_shows_of_a_file_stands_there(root: Path, page: str) -> None:
    shown = SHOWN.findall(page)
    assert len(shown) == len(re.findall(r"^```(?:yaml|bash|dockerfile)$", page, re.MULTILINE)) == 5
    for name, text in shown:
        assert f"\n{text}" in (root / name).read_text(), f"{name} reads otherwise than the page"


def test_the_files_that_it_names_are_there(root: Path, page: str) -> None:
    named = set(re.findall(r"\bdeploy/[\w./-]*\w", page))
    assert named >= {"deploy/Dockerfile", "deploy/ray-up/aws.yaml", "deploy/slurm/weakvid.sbatch"}
    assert sorted(name for name in named if not (root / name).exists()) == []
    linked = re.findall(r"\]\(([\w/]+\.md)", page)
    assert sorted(name for name in linked if not (root / "docs" / name).exists()) == []


def test_every_weakvid_command_is_understood(page: str) -> None:
    seen = set()
    for command in commands(page):
        if (words := weakvid_words(command)) is None:
            continue
        verb, *rest = words
        if verb == "launch":
            verb, *rest = rest
            address = rest.index("--address")
            del rest[address : address + 2]
        assert verb in SUMMARIES
        if verb in SETTINGS:
            assert resolve(verb, rest, "weakvid").job
            seen.add(verb)
    assert seen >= {"shards", "train"}


def test_arguments_of_the_image_are_arguments(root: Path, page: str) -> None:
    recipe = (root / "deploy" / "Dockerfile").read_text()
    builds = [command for command in commands(page) if command[:2] == ["docker", "build"]]
    assert len(builds) == 2
    for command in builds:
        for word, value in itertools.pairwise(command):
            if word == "--build-arg":
                assert f"\nARG {value.partition('=')[0]}=" in recipe
            elif word == "-f":
                assert value == "deploy/Dockerfile"


def test_ray_knows_the_commands(page: str) -> None:
    from ray.scripts.scripts import cli

    asked = {command[1] for command in commands(page) if command[0] == "ray"}
    assert asked == {"get-auth-token", "up", "dashboard", "down"}
    assert asked <= set(cli.commands)
