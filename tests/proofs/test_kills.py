"""Exactly once: a build whose processes are killed writes what an undisturbed one writes."""

import random
import shutil

import kills
import pytest
from builds import environment, finish, shards

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(3000)]

QUOTA = {"worker": 19, "decoder": 19, "raylet": 11, "driver": 13}


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
    figures(videos=len(list(corpus.glob("*.mp4"))), files=len(undisturbed), **tally.told())
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
    assert finish(shards(shuffled, out, "--ray.cpus", str(cpus)), log, root) == 0
    assert kills.difference(undisturbed, kills.snapshot(out)) == ""
    figures(workers=cpus, files=len(undisturbed))
