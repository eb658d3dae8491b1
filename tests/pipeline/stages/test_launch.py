from pathlib import Path

import pytest

from pipeline import cli
from pipeline.launching.follow import ClusterLostError
from pipeline.stages import launch as stage


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "set_up_logging", lambda: None)
    (tmp_path / "notes.md").write_text("x" * 2**20)
    for name in ("runs", "one", "two"):
        (tmp_path / name / "__pycache__").mkdir(parents=True)
    return tmp_path


def test_a_dry_run_says_what_would_be_sent_and_asks_no_cluster(
    here: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "reach", None)
    words = ["--data.shards", "s3://bucket/real", "--run.name", "real", "--training.steps", "7"]
    assert cli.main(["launch", "train", *words, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "  steps: 7\n" in said
    assert "exec python -m pipeline.cli train --config .weakvid-launch/settings.yaml" in said
    assert "WEAKVID_JOB=real-ATTEMPT RAY_JOB_STOP_WAIT_TIME_S=600" in said
    assert "1 files, 1.0 MiB before compression" in said
    assert "largest     notes.md 1.0 MiB" in said
    assert "left out    __pycache__/ (2 times), runs/" in said
    assert "weakvid as it is installed on the cluster" in said
    assert f"run.root                     {here}/runs" in said
    assert "data.shards                  s3://bucket/real" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "usage"),
        (["--name", "x"], "VERB must come first"),
        (["verify", "out"], "got 'verify'"),
        (["train", "--follow", "--no-wait"], "not allowed with"),
        (["train", "--training.stesp", "1"], "did you mean"),
    ],
)
def test_what_cannot_be_launched_is_bad_usage(
    here: Path, capsys, words: list[str], said: str
) -> None:
    assert cli.main(["launch", *words]) == 2
    told = capsys.readouterr()
    assert said in told.out + told.err


def test_a_lost_cluster_is_told_in_a_line(
    here: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: object, **__: object) -> None:
        raise ClusterLostError("the cluster did not answer")

    monkeypatch.setattr(stage, "reach", lambda address, insecure_local: None)
    monkeypatch.setattr(stage, "next_attempt", lose)
    assert cli.main(["launch", "report"]) == 1
    assert capsys.readouterr().err == "weakvid: the cluster did not answer\n"


def test_a_launched_verb_tells_its_exit_code_last(
    here: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKVID_JOB", "real-4")
    assert cli.main(["shards", "--clips.fps", "0"]) == 2
    assert capsys.readouterr().out.endswith("weakvid: job real-4 ends with exit code 2\n")
