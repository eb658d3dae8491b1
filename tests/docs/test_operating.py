"""The commands of docs/operating.md: each is understood, and those without a cluster are run."""

import contextlib
import re
import runpy
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from configs.operating import OperatingConfig
from pipeline import cli
from pipeline.verbs import read_words
from trainers.telemetry.watch import ENDS
from trainers.telemetry.webhook import FILE, URL

WITH_CLUSTER = ("logs", "stop", "cluster")


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "operating.md").read_text()


def commands(page: str) -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """A folder with what the page speaks of: data/real, runs/real and logs."""
    monkeypatch.chdir(tmp_path)
    tests = runpy.run_path(str(root / "tests" / "pipeline" / "conftest.py"))
    (tmp_path / "data").mkdir()
    tests["write_shards"](tmp_path / "data" / "real")
    run = tmp_path / "runs" / "real"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text("run: {name: real}\ntraining: {steps: 9}\n")
    (run / "metrics.jsonl").write_text('{"step": 9, "train/loss": 1.0, "train/lr": 0.1}\n')
    (tmp_path / "logs").mkdir()
    line = '{"level": "ERROR", "video": "cooking/eggs"}\n'
    for name in ("build-a-1.jsonl", "driver-a-1.jsonl"):
        (tmp_path / "logs" / name).write_text(line)
    return tmp_path


def test_each_command_that_needs_no_cluster_runs(page, place, capsys):
    ran = 0
    for words in commands(page):
        if words[0] == "grep":
            done = subprocess.run(["sh", "-c", _with_globs(words)], capture_output=True)
            assert done.returncode == 0, words
        elif words[1] not in WITH_CLUSTER and "--address" not in words and words[1] != "doctor":
            code = 1
            with contextlib.suppress(SystemExit):
                code = cli.main(words[1:])
            assert code == 0, (words, capsys.readouterr().err)
        else:
            continue
        ran += 1
    assert ran >= 15


def _with_globs(words: list[str]) -> str:
    return shlex.join(words[:-1]) + " " + words[-1]


def test_each_command_for_a_cluster_is_understood(page):
    asked = [words[1:] for words in commands(page) if words[1] in (*WITH_CLUSTER, "status")]
    assert {verb for verb, *_ in asked} >= {"logs", "stop", "status", "cluster"}
    for verb, *words in asked:
        read_words(verb, words)


def test_every_alert_stands_in_the_runbook(page, root):
    rules = yaml.safe_load((root / "deploy" / "monitoring" / "alerts.yaml").read_text())
    names = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert set(names) == set(re.findall(r"`(Weakvid\w+)`", page))


def test_what_the_page_says_of_settings_and_events_is_so(page):
    assert URL in page and FILE in page
    assert all(f"`{event}`" in page for event in {*ENDS.values(), "failed", "stalled", "going_on"})
    flags = {name.replace("_", "-") for name in OperatingConfig.model_fields}
    named = set(re.findall(r"--operating\.(?:no-)?([a-z-]+)", page))
    assert named == flags
    assert f"({OperatingConfig().stall_s:.0f})" in page
