"""What a real Ray offers to Prometheus, and what its workers log, while shards are built."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from trainers.telemetry.figures import FIGURES

OF_SHARDS = ("job_", "progress_", "videos", "clips_done", "rejects", "bundles", "source")

PROGRAM = """
import sys, time
import ray
from pipeline import cli
from pipeline.tasks import session

stop = ray.shutdown
def later():
    # Ray hands figures on now and then; what a build says last would go with its Ray.
    print("PORT", ray.nodes()[0]["MetricsExportPort"], flush=True)
    sys.stdin.readline()
    stop()
session.ray.shutdown = later
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.ray
def test_a_build_is_seen_by_prometheus_and_its_workers_log_what_they_are_at(narrated, tmp_path):
    bad = tmp_path / "videos"
    bad.mkdir()
    for path in Path(narrated).iterdir():
        (bad / path.name).symlink_to(path)
    (bad / "torn.mp4").write_bytes(b"\0\0\0\x18ftypmp42 and nothing more")
    (bad / "torn.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:02.000\nhello there\n")
    words = f"shards --sources.path {bad} --shards.out {tmp_path}/out --ray.cpus 2"
    words += f" --operating.log-folder {tmp_path}/logs --shards.max-reject 1"
    build = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words.split()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"RAY_metrics_report_interval_ms": "1000"},
        start_new_session=True,
    )
    try:
        assert build.stdout is not None
        said = iter(build.stdout.readline, "")
        port = next(int(line.split()[1]) for line in said if line.startswith("PORT"))
        wanted = {
            f.exported for f in FIGURES if f.name.removeprefix("weakvid_").startswith(OF_SHARDS)
        }
        assert len(wanted) >= 11
        # Each worker hands its own figures on, at its own time.
        _scrape(port, wanted, labels=('run="out"', 'code="ok"', 'code="E_'))
        build.communicate("\n", timeout=60)
        assert build.returncode == 0
    finally:
        if build.poll() is None:
            os.killpg(build.pid, signal.SIGKILL)
            build.wait()
    lines = [
        json.loads(line)
        for path in (tmp_path / "logs").glob("build-*.jsonl")
        for line in path.read_text().splitlines()
    ]
    rejected = next(line for line in lines if "is rejected" in line["message"])
    assert rejected["video"] and rejected["bundle"] and rejected["node"]
    assert rejected["run"] == "out" and rejected["stage"] == "shards"
    assert list((tmp_path / "logs").glob("driver-*.jsonl"))


def _scrape(port: int, names: set[str], labels: tuple[str, ...]) -> None:
    """Come back once all of it is offered."""
    until = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        missing = names - {line.partition("{")[0] for line in text.splitlines()}
        missing |= {label for label in labels if label not in text}
        if not missing:
            return
        assert time.monotonic() < until, missing
        time.sleep(0.5)
