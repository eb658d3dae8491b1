"""Ten minutes of the demo preset on Ray with a kill every five: how much of them was training.

A worker is killed first, then the driver, whose command is run again at once.
"""

import os
import signal
import time

import builds
import kills
import pytest

from pipeline.reports.inputs import load_run_files
from pipeline.reports.interruptions import interruptions_section
from trainers.loop import folder
from trainers.loop.attempts import newest_attempt
from trainers.loop.heartbeat import read_heartbeats
from trainers.loop.metrics import read_metrics

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1800)]

RUN_S, WORKER_DIES_S, DRIVER_DIES_S = 600.0, 150.0, 450.0
LEAST = 0.7
"""Effective training time that is promised at one kill in five minutes on two cores."""


def train(shards, runs):
    return builds.weakvid(
        *("train", "--preset", "demo", "--data.shards", str(shards)),
        *("--run.root", str(runs), "--run.name", "killed"),
        # More than there is time for; the schedule is that of so many.
        *("--training.steps", "20000"),
    )


@pytest.fixture
def demo_shards(corpus, tmp_path, root):
    out = tmp_path / "shards"
    command = builds.weakvid(
        "shards", "--preset", "demo", "--sources.path", str(corpus), "--shards.out", str(out)
    )
    # One video is torn and one has no captions: too many rejects, and good enough to train on.
    assert builds.finish(command, tmp_path / "shards.log", root) in (0, 3)
    return out


def steps_done(run_dir):
    return max((line["step"] for line in read_metrics(run_dir / folder.METRICS)), default=0)


def test_most_of_ten_minutes_with_two_kills_is_training(demo_shards, tmp_path, root, figures):
    runs, log = tmp_path / "runs", tmp_path / "train.log"
    run_dir, command = runs / "killed", train(demo_shards, runs)
    with kills.Run(command, log, builds.environment(root)) as first:
        while not steps_done(run_dir):
            assert first.wait(0.5) is None, log.read_text()[-3000:]
        began_s = time.monotonic()
        first.wait(WORKER_DIES_S)
        [pid] = [
            beat["pid"]
            for beat in read_heartbeats(run_dir, newest_attempt(run_dir))
            if beat["worker"] == 1
        ]
        os.kill(pid, signal.SIGKILL)
        assert first.wait(DRIVER_DIES_S - WORKER_DIES_S) is None, log.read_text()[-3000:]
        first.popen.kill()
    with kills.Run(command, log, builds.environment(root)) as second:
        assert second.wait(began_s + RUN_S - time.monotonic()) is None, log.read_text()[-3000:]
        second.popen.terminate()
        assert second.wait(120.0) == 143, log.read_text()[-3000:]
    section = interruptions_section(load_run_files(run_dir))
    steps = [line["step"] for line in read_metrics(run_dir / folder.METRICS) if "train/lr" in line]
    assert steps == list(range(1, len(steps) + 1))
    kinds = [one.kind for one in section.history.interruptions]
    figures(
        effective_training_time=round(section.history.effective, 3),
        wall_s=round(section.history.wall_s),
        steps=len(steps),
        steps_lost=section.history.lost_steps,
        recovered_in_s=[row.recovered for row in section.rows if row.recovered != "not yet"],
        ends=kinds,
        where_the_time_went={name: round(share, 3) for name, share in section.shares},
        lost_steps_with_equal_bits=section.agreement.num_equal if section.agreement else 0,
    )
    assert kinds == ["killed", "driver", "stopped"]
    if section.agreement is not None:
        assert section.agreement.num_equal == section.agreement.num_steps
    assert section.history.effective >= LEAST
