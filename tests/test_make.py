"""What `make` asks of the command line, seen by a program that stands in for it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

STAND_IN = '#!/bin/sh\nfor word in "$@"; do printf "<%s>" "$word"; done >> calls; echo >> calls\n'


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """A folder with a space in its name, the Makefile, and a finished set-up."""
    folder = tmp_path / "my project"
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(root / name, folder / name)
    program = folder / ".venv" / "bin" / "weakvid"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    (folder / ".venv" / ".installed").touch()
    return folder


def make(folder: Path, *words: str) -> tuple[int, list[str]]:
    names = ("SOURCE", "OUT", "SHARDS", "RUN", "PRESET", "ARGS", "VERB", "ADDRESS",
             "MAKEFLAGS", "MAKELEVEL")  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key not in names}
    done = subprocess.run(
        ["make", "--no-print-directory", *words], cwd=folder, env=environment, capture_output=True
    )
    calls = folder / "calls"
    return done.returncode, calls.read_text().splitlines() if calls.exists() else []


def finish(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_shards_of_your_videos_take_the_local_preset_and_paths_may_hold_spaces(
    project: Path,
) -> None:
    code, calls = make(project, "shards", "SOURCE=my videos", "OUT=out 1", "ARGS=--clips.crf 20")
    assert code == 0
    assert calls == [
        "<shards><--preset><local><--sources.path><my videos><--shards.out><out 1><--clips.crf><20>"
    ]


def test_shards_run_although_a_folder_of_that_name_stands_there(project: Path) -> None:
    (project / "shards").mkdir()
    _, calls = make(project, "shards", "SOURCE=a", "OUT=b")
    assert len(calls) == 1


def test_a_source_needs_an_output(project: Path) -> None:
    code, calls = make(project, "shards", "SOURCE=a")
    assert (code, calls) == (2, [])


def test_without_anything_given_what_is_missing_of_the_demo_is_made_first(project: Path) -> None:
    _, calls = make(project, "train")
    assert calls == ["<demo-corpus>", "<shards>", "<train><--preset><demo>"]


def test_what_is_there_of_the_demo_is_not_made_again(project: Path) -> None:
    finish(project, "data/demo/videos/truth/corpus.json", "data/demo/shards/manifest.json")
    _, calls = make(project, "train")
    assert calls == ["<train><--preset><demo>"]


def test_a_run_on_your_shards_is_small_unless_a_preset_is_named(project: Path) -> None:
    make(project, "train", "SHARDS=data/real", "RUN=real", "ARGS=--training.steps 60")
    _, calls = make(project, "train", "SHARDS=data/real", "RUN=real", "PRESET=cluster")
    tail = "<--data.shards><data/real><--run.name><real>"
    assert calls == [
        f"<train><--preset><demo>{tail}<--training.steps><60>",
        f"<train><--preset><cluster>{tail}",
    ]


def test_your_run_is_not_held_against_the_truth_of_the_demo(project: Path) -> None:
    make(project, "evaluate", "RUN=real")
    make(project, "report", "RUN=real")
    _, calls = make(project, "report", "RUN=demo")
    assert calls == [
        "<evaluate><--preset><local><--run.name><real>",
        "<report><--preset><local><--run.name><real>",
        "<report><--preset><demo><--run.name><demo>",
    ]


def test_features_are_of_the_runs_own_shards_unless_others_are_named(project: Path) -> None:
    make(project, "embed", "RUN=real")
    _, calls = make(project, "embed", "RUN=real", "SHARDS=data/more", "OUT=my vectors")
    assert calls == [
        "<embed><--run.name><real>",
        "<embed><--run.name><real><--embedding.shards><data/more><--embedding.out><my vectors>",
    ]


def test_the_demo_is_all_verbs_in_order_and_settings_go_to_training(project: Path) -> None:
    finish(project, "data/demo/videos/truth/corpus.json", "data/demo/shards/manifest.json")
    finish(project, "runs/demo/config.yaml")
    code, calls = make(project, "demo", "ARGS=--training.steps 3", "RUN=other")
    assert code == 0
    assert calls == [
        "<shards><--preset><demo>",
        "<report><data/demo/shards><--truth><data/demo/videos>",
        "<train><--preset><demo><--training.steps><3>",
        "<evaluate><--preset><demo>",
        "<compare><--grid.workers><2>",
        "<embed>",
        "<report><--preset><demo>",
    ]


def test_fusion_methods_are_compared_on_your_run_or_on_what_you_name(project: Path) -> None:
    make(project, "compare", "RUN=real")
    _, calls = make(project, "compare", "ARGS=--grid.data data/public --grid.tasks mfeat")
    assert calls == [
        "<compare><--grid.features><runs/real/evaluation><--grid.out><runs/real/fusion>",
        "<compare><--grid.data><data/public><--grid.tasks><mfeat>",
    ]


def test_a_verb_is_launched_with_what_it_takes_itself(project: Path) -> None:
    make(project, "launch", "VERB=shards", "SOURCE=my videos", "OUT=s3://b/o", "ADDRESS=http://h:1")
    make(project, "launch", "VERB=train", "SHARDS=s3://b/o", "RUN=real", "ARGS=--follow")
    make(project, "launch", "VERB=embed", "SHARDS=s3://b/o", "RUN=real", "OUT=s3://b/vectors")
    _, calls = make(project, "launch", "VERB=asr", "SOURCE=a", "OUT=b", "PRESET=local")
    assert calls == [
        "<launch><shards><--address><http://h:1><--preset><cluster><--sources.path><my videos>"
        "<--shards.out><s3://b/o>",
        "<launch><train><--preset><cluster><--data.shards><s3://b/o><--run.name><real><--follow>",
        "<launch><embed><--embedding.out><s3://b/vectors><--embedding.shards><s3://b/o>"
        "<--run.name><real>",
        "<launch><asr><--sources.path><a><--sources.transcripts><b>",
    ]


def test_a_launched_job_is_followed_and_stopped_by_its_name(project: Path) -> None:
    make(project, "logs", "RUN=real", "ADDRESS=http://h:1")
    _, calls = make(project, "stop", "RUN=real")
    assert calls == ["<logs><real><--follow><--address><http://h:1>", "<stop><real>"]


@pytest.mark.parametrize("target", ["launch", "logs", "stop"])
def test_what_a_target_needs_is_asked_for(project: Path, target: str) -> None:
    assert make(project, target) == (2, [])


def test_verify_and_status_take_a_folder_or_a_run(project: Path) -> None:
    make(project, "verify", "OUT=o 1")
    _, calls = make(project, "status", "RUN=real", "OUT=o 1")
    assert calls == ["<verify><o 1>", "<status><o 1>", "<status><runs/real>"]


def test_report_and_view_take_a_folder_of_shards(project: Path) -> None:
    make(project, "report", "OUT=o 1")
    _, calls = make(project, "view", "OUT=o 1", "ARGS=--port 0")
    assert calls == ["<report><o 1>", "<view><o 1><--port><0>"]


def test_a_python_that_is_too_old_is_refused_with_the_cure(project: Path) -> None:
    shutil.rmtree(project / ".venv")
    done = subprocess.run(
        ["make", "setup", "PYTHON=/bin/false"], cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "needs Python 3.11 or 3.12" in done.stderr
    assert not (project / ".venv").exists()
