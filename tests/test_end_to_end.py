"""The whole way, as a user types it: videos -> shards -> a run -> figures -> a report."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trainers.loop.metrics import read_metrics

STEPS = 6


def weakvid(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def documented_reader(root: Path, folder: Path, shards: str) -> list[str]:
    """Run the plain webdataset script of docs/data-format.md; return a line a sample."""
    page = (root / "docs" / "data-format.md").read_text()
    script = page.split("```python\n")[1].split("```")[0]
    assert len(script.strip().splitlines()) <= 11
    done = subprocess.run(
        [sys.executable, "-c", script.replace("data/real", shards)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_demo_videos_become_a_report_with_the_figures_of_the_run(
    tmp_path: Path, root: Path
) -> None:
    weakvid(tmp_path, "demo-corpus", "--videos", "24")
    said = weakvid(tmp_path, "shards")
    assert "planned 288 = written 288 + rejected 0" in said
    assert "whole" in weakvid(tmp_path, "verify", "data/demo/shards")
    assert len(documented_reader(root, tmp_path, "data/demo/shards")) == 288
    steps = ("--training.steps", str(STEPS), "--evaluation.every", str(STEPS))
    weakvid(tmp_path, "train", *steps, "--training.workers", "1")
    weakvid(tmp_path, "evaluate", "--evaluation.fusion.epochs", "5")
    said = weakvid(tmp_path, "report")

    run = tmp_path / "runs" / "demo"
    lines = read_metrics(run / "metrics.jsonl")
    done = [line["step"] for line in lines if "train/loss" in line]
    assert done == list(range(1, STEPS + 1))
    beside, figures = read_metrics(run / "evaluations.jsonl")
    assert (beside["by"], beside["step"]) == ("beside", STEPS)
    assert 0 < figures["eval/chance_r10"] < 1
    assert figures["eval/num_queries"] == json.loads(
        (run / "evaluation" / "retrieval.json").read_text()
    )["num_queries"]  # fmt: skip
    assert str(figures["eval/t2v_r10"]) in (run / "report.html").read_text()
    assert "report.html" in said


def test_a_dry_run_shows_settings_and_plan_and_touches_nothing(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    weakvid(tmp_path, "demo-corpus", "--out", str(videos), "--videos", "2")
    shards = tmp_path / "shards"
    said = weakvid(
        tmp_path,
        "shards",
        "--dry-run",
        "--sources.path",
        str(videos),
        "--shards.out",
        str(shards),
    )
    assert "sources_per_bundle: 6" in said
    assert not shards.exists()
