"""Shards, training, evaluation and a report, each launched on a real head."""

import json
import time

import pytest

from pipeline import cli

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SMALL = "--training.global-batch 16 --training.virtual-ranks 2 --training.workers 1".split()


@pytest.fixture
def here(ray_as_before, head, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, head.environment[name])
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", head.url)
    return tmp_path


def test_the_whole_job_goes_through_the_cluster_and_a_stopped_run_goes_on(here, capsys) -> None:
    assert cli.main(["demo-corpus", "--out", "videos", "--videos", "12"]) == 0
    shards = ["launch", "shards", "--sources.path", "videos", "--shards.out", "out"]
    code = cli.main([*shards, "--follow"])
    assert code == 0, "".join(capsys.readouterr())
    train = ["launch", "train", "--data.shards", "out", "--run.name", "real", *SMALL]
    train += ["--training.checkpoint-every", "1000", "--training.steps", "200"]
    assert cli.main([*train, "--no-wait"]) == 0, capsys.readouterr()
    metrics = here / "runs" / "real" / "metrics.jsonl"
    for _ in range(240):
        if metrics.exists() and metrics.read_text().count("\n") > 3:
            break
        time.sleep(0.5)
    capsys.readouterr()
    assert cli.main(["stop", "real"]) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "real-1 stopped cleanly (exit code 143)" in said, said
    stopped_at = json.loads(metrics.read_text().splitlines()[-1])["step"]
    assert stopped_at < 200
    short = [*train[:-1], str(stopped_at + 3)]
    assert cli.main([*short, "--follow"]) == 0, capsys.readouterr()
    capsys.readouterr()
    # The preset `demo` would hold it against the truth of the demo's own corpus.
    more = ["--preset", "local", "--run.name", "real", "--follow"]
    assert cli.main(["launch", "evaluate", *more]) == 0, capsys.readouterr()
    assert cli.main(["launch", "report", *more]) == 0, capsys.readouterr()
    assert "real-4 is done" in capsys.readouterr().out
    assert (here / "runs" / "real" / "report.html").is_file()


def test_stopped_shards_drain_and_the_next_attempt_builds_the_rest(here, capsys) -> None:
    assert cli.main(["demo-corpus", "--out", "videos", "--videos", "24"]) == 0
    shards = ["launch", "shards", "--sources.path", "videos", "--shards.out", "many"]
    shards += ["--shards.sources-per-bundle", "2"]
    assert cli.main([*shards, "--no-wait"]) == 0, capsys.readouterr()
    for _ in range(240):
        if list((here / "many").rglob("*.tar")):
            break
        time.sleep(0.25)
    capsys.readouterr()
    assert cli.main(["stop", "many"]) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "many-1 stopped cleanly (exit code 143)" in said, said
    assert not (here / "many" / "manifest.json").exists()
    assert cli.main([*shards, "--follow"]) == 0, capsys.readouterr()
    assert cli.main(["verify", "many", "--quick"]) == 0
