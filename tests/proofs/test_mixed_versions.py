"""A real node with another ffmpeg: refused at the start, and when it joins a build under way."""

import time
from pathlib import Path

import imageio_ffmpeg
import kills
import pytest
from clusters import Cluster, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow]

OTHER = "8.1"
TOLD = f"has ffmpeg {OTHER}"
ASKED_S = 15.0
"""A driver that has joined has asked all nodes by then."""


@pytest.fixture
def cluster(tmp_path):
    one = Cluster(tmp_path, {})
    try:
        yield one
    finally:
        one.end()


def drivers(cluster: Cluster) -> int:
    """Return how many drivers have joined so far, by the logs that Ray keeps of them."""
    return len(list(cluster.base.glob("weakvid-ray-*/r/session_*/logs/python-core-driver-*.log")))


def other_ffmpeg(folder: Path) -> str:
    """Return a program that is ffmpeg in all but its version."""
    path = folder / "ffmpeg"
    real = imageio_ffmpeg.get_ffmpeg_exe()
    path.write_text(
        f'#!/bin/sh\ncase "$*" in *-version*) echo "ffmpeg version {OTHER} Copyright";; '
        f'*) exec "{real}" "$@";; esac\n'
    )
    path.chmod(0o755)
    return str(path)


def test_a_node_with_another_ffmpeg_builds_nothing_and_stops_the_build(cluster, tmp_path, figures):
    other = {"IMAGEIO_FFMPEG_EXE": other_ffmpeg(tmp_path)}
    cluster.run("demo-corpus", "--out", "videos", "--videos", "6")
    build = ["shards", "--sources.path", "videos", "--shards.sources-per-bundle", "1"]
    cluster.run(*build, "--shards.out", "alone")
    cluster.head(cpus=0)
    cluster.node(1, **other)
    on_it = [*build, "--ray.address", cluster.address, "--shards.out", "out"]
    assert TOLD in cluster.run(*on_it, code=2)
    assert not list(tmp_path.glob("out/done/*"))
    cluster.stop_newest()
    # Nobody can build yet, so the one that comes later gets the first bundle.
    before = drivers(cluster)
    under_way = cluster.start(*on_it)
    wait_for(lambda: drivers(cluster) > before)
    time.sleep(ASKED_S)
    cluster.node(1, **other)
    late, _ = under_way.communicate(timeout=200)
    assert under_way.returncode == 1 and TOLD in late, late
    assert not list(tmp_path.glob("out/done/*"))
    cluster.stop_newest()
    cluster.node(1)
    cluster.run(*on_it)
    assert kills.snapshot(tmp_path / "out") == kills.snapshot(tmp_path / "alone")
    figures(bundles=6, built_by_the_other_node=0)
