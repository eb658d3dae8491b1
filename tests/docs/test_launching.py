"""The commands of docs/launching.md: understood as they stand, and run on a real head."""

import re
import shlex
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from pipeline import cli
from pipeline.verbs import read_words

PLACE = "http://HEAD:8265"


def commands(root: Path) -> list[str]:
    """Return what the page tells to run, line by line."""
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (root / "docs/launching.md").read_text(), re.M | re.S
    )
    return [line for block in blocks for line in block.splitlines() if line]


def words_of(command: str, root: Path) -> list[str]:
    """Return the words after `weakvid`, also where `make` says them."""
    words = shlex.split(command)
    if words[0] == "weakvid":
        return words[1:]
    at_rest = ["--no-print-directory", "-o", ".venv/.installed", "WEAKVID=echo"]
    done = subprocess.run(
        ["make", *at_rest, *words[1:]], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].removeprefix("echo ").split()


def test_the_page_has_commands_of_each_verb(root: Path) -> None:
    verbs = {words_of(command, root)[0] for command in commands(root)}
    assert verbs == {"launch", "logs", "stop", "status"}


def test_each_launch_on_the_page_can_be_sent_as_it_stands(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    launches = [words for c in commands(root) if (words := words_of(c, root))[0] == "launch"]
    assert len(launches) >= 8
    for words in launches:
        assert cli.main([*words, "--dry-run"]) == 0, words
        assert capsys.readouterr().out.endswith("nothing was sent\n")


def test_each_question_on_the_page_is_understood(root: Path) -> None:
    for command in commands(root):
        verb, *words = words_of(command, root)
        if verb != "launch":
            understood = read_words(verb, words)
            assert understood.get("name", understood.get("what")) in ("first", "second")


@pytest.mark.ray
@pytest.mark.slow
def test_each_command_on_the_page_runs(root: Path, head, project: Path) -> None:
    """With a stand-in for the verbs: there is no bucket here."""
    (project / "wanted").write_text("0")
    (project / ".venv").mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(root / name, project / name)
    (project / ".venv" / ".installed").touch()
    environment = head.environment | {"WEAKVID": "weakvid"}
    for command in commands(root):
        done = subprocess.run(
            shlex.split(command.replace(PLACE, head.url)), cwd=project, env=environment,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, command + done.stdout + done.stderr
        if "--no-wait" in command:
            time.sleep(8)  # a name is one job at a time
