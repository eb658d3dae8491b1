"""The verb `shards` without Ray: bundles are built one after the other in this process."""

import contextlib
import shutil

import pytest

import pipeline.tasks.run as ray_run
from pipeline.tasks import session
from pipeline.tasks.bundle import BundleCounts, build_bundle
from pipeline.tasks.progress import reporter


@pytest.fixture
def built(monkeypatch) -> list[str]:
    """Bundles in the order in which they were built."""
    names: list[str] = []

    def inline(tasks, on_poll):
        for task in tasks:
            build_bundle(task, reporter(task.out, f"{task.bundle}.1"))
            names.append(task.bundle)
            on_poll(BundleCounts(len(names)))

    monkeypatch.setattr(ray_run, "run_bundles", inline)
    monkeypatch.setattr(session, "ray_session", lambda config: contextlib.nullcontext())
    return names


@pytest.fixture
def source(narrated, tmp_path):
    return shutil.copytree(narrated, tmp_path / "videos")
