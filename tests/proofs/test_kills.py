"""Exactly once: a build whose processes are killed writes what an undisturbed one writes."""

import os
import random
import shutil
import sys
from pathlib import Path

import kills
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(3000)]

NUM_VIDEOS = 44
QUOTA = {"worker": 20, "decoder": 20, "raylet": 11, "driver": 13}


def weakvid(*words: str) -> list[str]:
    return [sys.executable, "-m", "pipeline.cli", *words]


def run(command: list[str], log: Path, root: Path) -> int:
    with kills.Run(command, log, environment(root)) as build:
        code = build.wait(kills.RUN_S)
    assert code is not None, log.read_text()[-2000:]
    return code


def environment(root: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}


def shards(source: Path, out: Path, *more: str) -> list[str]:
    # Much to do in a short video, so that there is time to be killed in.
    return weakvid(
        *("shards", "--sources.path", str(source), "--shards.out", str(out)),
        *("--clips.stride-s", "0.8", "--clips.short-side", "96"),
        *("--shards.sources-per-bundle", "2", *more),
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory, root) -> Path:
    """Short narrated videos, one torn and one whose captions are none."""
    folder = tmp_path_factory.mktemp("corpus") / "videos"
    log = folder.parent / "log"
    made = weakvid("demo-corpus", "--out", str(folder), "--videos", str(NUM_VIDEOS))
    assert run(made, log, root) == 0, log.read_text()
    shutil.rmtree(folder / "truth", ignore_errors=True)
    videos = sorted(folder.glob("*.mp4"))
    videos[3].write_bytes(videos[3].read_bytes()[:20_000])
    videos[5].with_suffix(".vtt").write_text("no captions at all")
    return folder


@pytest.fixture(scope="module")
def undisturbed(corpus, tmp_path_factory, root) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    log = out.parent / "log"
    assert run(shards(corpus, out), log, root) == 0, log.read_text()[-3000:]
    return kills.snapshot(out)


def test_a_build_that_is_killed_at_random_writes_the_same_bytes(
    corpus, undisturbed, tmp_path, root, figures
):
    out = tmp_path / "out"

    def check():
        assert kills.difference(undisturbed, kills.snapshot(out)) == ""

    tally = kills.campaign(
        shards(corpus, out),
        quota=QUOTA,
        clear=lambda: shutil.rmtree(out, ignore_errors=True),
        check=check,
        log=tmp_path / "log",
        seed=3,
        environment=environment(root),
    )
    figures(
        videos=NUM_VIDEOS,
        files=len(undisturbed),
        kills=tally.kills.total(),
        **{f"kills_of_a_{role}": tally.kills[role] for role in kills.ROLES},
        builds_compared=tally.rounds,
        runs=tally.runs,
        exit_codes=dict(tally.exits),
        orphans=len(tally.orphans),
        longest_run_s=tally.longest_run_s,
    )
    assert all(tally.kills[role] >= count for role, count in QUOTA.items())
    assert tally.kills.total() >= 60 and tally.orphans == []


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_any_number_of_workers_and_any_order_of_listing_give_the_same_bytes(
    corpus, undisturbed, tmp_path, root, figures, cpus
):
    shuffled = tmp_path / "videos"
    shuffled.mkdir()
    paths = sorted(corpus.iterdir())
    random.Random(cpus).shuffle(paths)
    for path in paths:  # a new folder lists its files in the order in which they came
        shutil.copy2(path, shuffled / path.name)
    out = tmp_path / "out"
    log = tmp_path / "log"
    assert run(shards(shuffled, out, "--ray.cpus", str(cpus)), log, root) == 0
    assert kills.difference(undisturbed, kills.snapshot(out)) == ""
    figures(workers=cpus, files=len(undisturbed))
