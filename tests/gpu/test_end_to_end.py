"""The demo on a GPU, from the command line: videos, shards, a few steps, goes on, evaluation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

WEAKVID = Path(sys.executable).with_name("weakvid")


@pytest.mark.timeout(900)
def test_the_demo_trains_on_the_gpu_and_goes_on(device, tmp_path):
    def weakvid(*words: str) -> str:
        done = subprocess.run([WEAKVID, *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    weakvid("demo-corpus", "--out", "videos", "--videos", "24")
    weakvid("shards", "--sources.path", "videos", "--shards.out", "shards")
    train = ["train", "--data.shards", "shards", "--training.workers", "1"]
    train += ["--training.steps", "12", "--training.checkpoint-every", "4"]
    train += ["--model.compute.precision", "bf16"]
    assert "finished" in weakvid(*train)
    logs = [path.read_text() for path in Path(tmp_path, "runs/demo/logs").glob("*.log")]
    assert any("begins on cuda" in log for log in logs)
    lines = Path(tmp_path, "runs/demo/metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line).get("train/loss") for line in lines]
    assert sum(loss is not None for loss in losses) == 12
    weakvid("evaluate", "--run.name", "demo")
