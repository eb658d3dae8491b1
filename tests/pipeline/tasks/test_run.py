"""Bundles under Ray, with a real kill of a worker and of the driver."""

import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import ray
from ray import cloudpickle

from configs.runs import RayConfig, ShardsJob
from pipeline.listing.build import list_sources
from pipeline.tasks import dispatch as dispatch_module
from pipeline.tasks import handover as handover_module
from pipeline.tasks.bundle import BundleCounts, build_bundle
from pipeline.tasks.plan import plan_bundles
from pipeline.tasks.progress import reporter
from pipeline.tasks.quarantine import load_quarantine
from pipeline.tasks.run import run_bundles
from pipeline.tasks.session import Drained, ray_session
from shards.commit import committed_bundles, read_record

pytestmark = pytest.mark.ray

DRIVER = """
import sys
from configs.runs import ShardsJob
from pipeline.stages import shards

if __name__ == "__main__":
    sys.exit(shards.run(ShardsJob.model_validate_json(sys.argv[1])))
"""


def job_for(source: Path, out: Path) -> ShardsJob:
    return ShardsJob.model_validate(
        {
            "sources": {"path": str(source)},
            "clips": {"short_side": 32},
            "shards": {"out": str(out)},
            "ray": {"cpus": 1},
        }
    )


def tasks_for(source: Path, out: Path):
    job = job_for(source, out)
    sources = list_sources(job.sources).sources
    return plan_bundles(job, str(out), sources)[1]


def hashes(out: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.glob("*.tar")}


@pytest.fixture(scope="module")
def undisturbed(narrated, tmp_path_factory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("undisturbed")
    for task in tasks_for(narrated, out):
        build_bundle(task, lambda counts: None)
    return hashes(out)


@pytest.fixture(scope="module")
def session():
    with ray_session(RayConfig(cpus=1)):
        yield


def test_a_killed_worker_is_replaced_and_the_bytes_are_the_same(
    session, narrated, tmp_path, undisturbed, caplog
):
    tasks = tasks_for(narrated, tmp_path)
    victims: list[str] = []

    def kill_first_worker():
        while not victims:
            for path in (tmp_path / "_tmp").glob("*.progress"):
                victims.append(path.name[:6])
                os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)
                return
            time.sleep(0.01)

    killer = threading.Thread(target=kill_first_worker, daemon=True)
    killer.start()
    run_bundles(tasks, lambda counts: None)
    assert f"bundle {victims[0]}" in caplog.text and "attempt 2 follows" in caplog.text
    assert hashes(tmp_path) == undisturbed


@ray.remote(num_cpus=1, max_retries=0)
def build_deadly(task, name):
    """Build a bundle in a worker that a source called bob kills, as a hole in a library would."""
    report = reporter(task.out, name)

    def note(counts):
        report(counts)
        if counts.source == "bob" and not task.quarantined:
            os.kill(os.getpid(), signal.SIGSEGV)

    record = build_bundle(task, note)
    return BundleCounts(len(record.planned), record.num_samples, len(record.rejects))


@ray.remote(num_cpus=1, max_retries=0)
def probe_deadly(task, name):
    if task.sources[0].video_id == "bob":
        os.kill(os.getpid(), signal.SIGSEGV)


def test_a_source_that_kills_its_worker_is_quarantined_and_the_rest_is_built(
    session, narrated, tmp_path, undisturbed, monkeypatch
):
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    monkeypatch.setattr(handover_module, "build_remotely", build_deadly)
    monkeypatch.setattr(handover_module, "probe_remotely", probe_deadly)
    monkeypatch.setattr(dispatch_module, "BACKOFF_S", 0.1)
    tasks = tasks_for(narrated, tmp_path)
    run_bundles(tasks, lambda counts: None)
    records = [read_record(str(tmp_path), task.bundle) for task in tasks]
    rejects = {row["video_id"]: row for record in records for row in record.rejects}
    assert (rejects["bob"]["code"], rejects["bob"]["stage"]) == ("E_CRASH", "task")
    assert {record.bundle for record in records} == {task.bundle for task in tasks}
    [with_bob] = [task.bundle for task in tasks if "bob" in {s.video_id for s in task.sources}]
    others = {name: value for name, value in undisturbed.items() if name[:6] != with_bob}
    assert others.items() <= hashes(tmp_path).items() and others
    [verdict] = load_quarantine(str(tmp_path))
    assert verdict.video_id == "bob"


def test_a_frozen_worker_is_given_up_and_its_bundle_is_built_elsewhere(
    session, narrated, tmp_path, undisturbed, caplog
):
    tasks = [
        dataclasses.replace(
            task,
            shards=task.shards.model_copy(update={"overdue_s": 1.0}),
            intake=task.intake.model_copy(
                update={"limits": task.intake.limits.model_copy(update={"deadline_s": 3.0})}
            ),
        )
        for task in tasks_for(narrated, tmp_path)
    ]
    frozen: list[int] = []

    def freeze_first_worker():
        while not frozen:
            for path in (tmp_path / "_tmp").glob("*.progress"):
                with contextlib.suppress(OSError, ValueError):
                    frozen.append(json.loads(path.read_text())["pid"])
                    os.kill(frozen[0], signal.SIGSTOP)
                    return
            time.sleep(0.01)

    threading.Thread(target=freeze_first_worker, daemon=True).start()
    run_bundles(tasks, lambda counts: None)
    # Ray on the same machine ends it; one on another node wakes up: see the proofs.
    assert "no sign of life" in caplog.text and hashes(tmp_path) == undisturbed


def start(driver: Path, job: ShardsJob) -> subprocess.Popen:
    command = [sys.executable, str(driver), job.model_dump_json()]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_killed_driver_goes_on_where_it_was_and_the_bytes_are_the_same(
    narrated, tmp_path, undisturbed
):
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER)
    out = tmp_path / "out"
    job = job_for(narrated, out)
    first = start(driver, job)
    while first.poll() is None and not committed_bundles(str(out)):
        time.sleep(0.02)
    first.kill()
    first.wait()  # not for its pipes: Ray's agents hold them for some seconds
    kept = set(committed_bundles(str(out)))
    assert first.returncode == -signal.SIGKILL and kept
    assert not (out / "_SUCCESS").exists()
    stamps = {path: path.stat().st_mtime_ns for path in (out / "done").glob("*.json")}
    second = start(driver, job)
    said, errors = second.communicate(timeout=120)
    assert second.returncode == 0, errors
    assert "planned 8 = written 8 + rejected 0" in said
    assert hashes(out) == undisturbed
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps


def test_a_bundle_that_cannot_be_written_fails_and_names_the_path(session, narrated, tmp_path):
    tasks = tasks_for(narrated, tmp_path)
    (tmp_path / "done").write_text("in the way")
    with pytest.raises(RuntimeError, match="cannot be written.*done"):
        run_bundles(tasks[:1], lambda counts: None)


def test_ray_does_not_keep_sigterm_for_itself(session):
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_sigterm_starts_nothing_new_and_says_what_is_committed(session, narrated, tmp_path):
    tasks = tasks_for(narrated, tmp_path)
    begun: set[str] = set()

    def ask_when_one_has_begun():
        while not begun:
            begun.update(path.name[:6] for path in (tmp_path / "_tmp").glob("*.progress"))
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=ask_when_one_has_begun, daemon=True).start()
    with pytest.raises(Drained, match=r"\d of \d bundles are committed"):
        run_bundles(tasks, lambda counts: None)
    # What has begun is committed, what waits in Ray is taken back; one may begin meanwhile.
    committed = set(committed_bundles(str(tmp_path)))
    assert begun <= committed and len(committed - begun) <= 1 < len(tasks) - len(begun)
