"""Where each bundle goes when things fail, with a Ray whose tasks do as the test says."""

import dataclasses
import errno
from collections import Counter
from types import SimpleNamespace

import pytest
import ray

from configs.clips import ClipsConfig
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.listing.source import SourceFile
from pipeline.tasks import dispatch as dispatch_module
from pipeline.tasks import handover as handover_module
from pipeline.tasks import waiting
from pipeline.tasks.bundle import BundleCounts, BundleTask, Suspicion
from pipeline.tasks.dispatch import Dispatch
from pipeline.tasks.jobs import Job
from pipeline.tasks.progress import reporter
from pipeline.tasks.quarantine import Verdict, load_quarantine
from pipeline.tasks.remote import Room
from pipeline.tasks.run import run_bundles
from pipeline.tasks.waiting import UNSTARTED_S, Watched
from trainers.cluster.versions import MixedVersions

OK = BundleCounts(1, 1, 0)
ROOM = Room(num_slots=2, num_nodes=1, node_cpus=2, node_memory=1000, task_memory=300)


def source(name: str) -> SourceFile:
    return SourceFile(name, f"/{name}.mp4", "", f"{name}.mp4", 10, "1")


class FakeRay:
    """Runs nothing: `script(call)` returns what a task returns, or raises what it dies of."""

    exceptions = ray.exceptions
    ObjectRef = object

    def __init__(self, script):
        self.script = script
        self.calls = []
        self.under_way = []
        self.cancelled = []

    def remote(self, kind):
        def submit(options, task, name):
            ids = [one.video_id for one in task.sources]
            call = SimpleNamespace(kind=kind, task=task, name=name, options=options, ids=ids)
            call.beside = list(self.under_way)
            self.calls.append(call)
            self.under_way.append(call.name)
            return call.name, len(self.calls) - 1

        return SimpleNamespace(
            options=lambda **options: SimpleNamespace(
                remote=lambda task, name: submit(options, task, name)
            )
        )

    def wait(self, references, timeout, num_returns=1):
        return references[:1], references[1:]

    def get(self, reference):
        call = self.calls[reference[1]]
        self.under_way.remove(call.name)
        result = self.script(call)
        if isinstance(result, Exception):
            raise result
        return result

    def cancel(self, reference, force):
        self.cancelled.append(reference[0])

    def said(self, kind):
        return [call for call in self.calls if call.kind == kind]


@pytest.fixture
def build(tmp_path, monkeypatch):
    def build_all(script, names=("ada", "bob", "cy"), rest=(("dora",),), room=ROOM, **settings):
        out = str(tmp_path / "out")
        (tmp_path / "out" / "done").mkdir(parents=True, exist_ok=True)
        fake = FakeRay(script)
        monkeypatch.setattr(handover_module, "ray", fake)
        monkeypatch.setattr(handover_module, "build_remotely", fake.remote("build"))
        monkeypatch.setattr(handover_module, "probe_remotely", fake.remote("probe"))
        monkeypatch.setattr(dispatch_module, "BACKOFF_S", 0.0)
        monkeypatch.setattr(dispatch_module, "POLL_S", 0.0)
        monkeypatch.setattr(Room, "of_cluster", classmethod(lambda cls, settings: room))
        shards = ShardsConfig(**settings)
        configs = ClipsConfig(), shards, SourcesConfig()
        tasks = [
            BundleTask(out, f"{number:06d}", "f", tuple(map(source, each)), *configs, "c")
            for number, each in enumerate((names, *rest))
        ]
        fake.error = None
        try:
            run_bundles(tasks, lambda counts: None)
        except RuntimeError as error:
            fake.error = str(error)
        return fake

    return build_all


def crash():
    return ray.exceptions.WorkerCrashedError()


def failed(cause: Exception):
    return ray.exceptions.RayTaskError("f", "traceback", cause)


def dies_at(name, error=crash, *, notes=True):
    """A script in which a source kills whoever opens it, and its worker noted that before."""

    def script(call):
        quarantined = {verdict.video_id for verdict in call.task.quarantined}
        if name in call.ids and name not in quarantined:
            if notes:
                reporter(call.task.out, call.name)(BundleCounts(source=name, due_s=9))
            return error()
        return OK if call.kind == "build" else None

    return script


def test_a_poisoned_source_is_found_and_its_bundle_is_built_without_it(build, tmp_path):
    fake = build(dies_at("bob"))
    assert fake.error is None
    assert [call.ids for call in fake.said("probe")] == [["bob"], ["bob"]]
    assert all(call.beside == [] and call.options["num_cpus"] == 2 for call in fake.said("probe"))
    last = fake.said("build")[-1]
    [verdict] = last.task.quarantined
    assert (verdict.video_id, verdict.code, verdict.stage) == ("bob", "E_CRASH", "task")
    assert load_quarantine(str(tmp_path / "out")) == [verdict]
    assert len(fake.said("build")) == 4  # twice with it, once without it, and the other bundle


def test_what_is_quarantined_already_is_not_opened_again(build):
    build(dies_at("bob"))
    fake = build(dies_at("bob"))
    assert fake.error is None and len(fake.calls) == 2


def test_without_notes_all_sources_are_tried_and_the_guilty_one_then_alone(build):
    fake = build(dies_at("bob", notes=False))
    assert fake.error is None
    tried = Counter(call.ids[0] for call in fake.said("probe"))
    assert tried == {"ada": 1, "bob": 3, "cy": 1}
    side_by_side, *alone = [call for call in fake.said("probe") if call.ids == ["bob"]]
    assert side_by_side.options == {"num_cpus": 1, "memory": 300}
    assert all(call.options == {"num_cpus": 2, "memory": 600} for call in alone)


def test_two_poisoned_sources_of_a_bundle_are_both_found(build):
    def both(call):
        quarantined = {verdict.video_id for verdict in call.task.quarantined}
        guilty = {"ada", "cy"} & set(call.ids) - quarantined
        return crash() if guilty else (OK if call.kind == "build" else None)

    fake = build(both)
    assert fake.error is None
    assert {v.video_id for v in fake.said("build")[-1].task.quarantined} == {"ada", "cy"}


def test_a_worker_killed_for_memory_is_tried_again_with_more_and_then_an_oom(build):
    def oom():
        return ray.exceptions.OutOfMemoryError("killed by the memory monitor")

    fake = build(dies_at("bob", oom))
    assert fake.error is None
    [verdict] = fake.said("build")[-1].task.quarantined
    assert verdict.code == "E_OOM"
    assert all(call.options["memory"] == 600 for call in fake.said("probe"))


def test_deaths_without_a_guilty_source_end_with_a_build_alone(build):
    deaths = []

    def script(call):
        if call.kind == "build" and "bob" in call.ids and len(deaths) < 2:
            deaths.append(call.name)
            return crash()
        return OK if call.kind == "build" else None

    fake = build(script)
    assert fake.error is None
    last = fake.said("build")[-1]
    assert last.options == {"num_cpus": 2, "memory": 600} and last.task.quarantined == ()


def test_deaths_are_finite_and_the_message_says_what_to_do(build):
    def script(call):
        return (
            crash()
            if call.kind == "build" and "bob" in call.ids
            else (OK if call.kind == "build" else None)
        )

    fake = build(script)
    assert "1 bundles failed, all others are committed: bundle 000000" in fake.error
    assert "raise shards.task_memory_bytes" in fake.error
    assert sum("bob" in call.ids for call in fake.said("build")) == 3


def test_a_verdict_of_load_is_tried_alone_before_it_counts(build):
    verdict = Verdict.on(source("bob"), "E_TIMEOUT", "not done in 60 s", "decode")

    def script(call):
        if call.kind == "probe":
            return verdict
        quarantined = {one.video_id for one in call.task.quarantined}
        if "bob" in call.ids and "bob" not in quarantined:
            return failed(Suspicion((verdict,)))
        return OK

    fake = build(script)
    assert fake.error is None
    [probe] = fake.said("probe")
    assert probe.options["num_cpus"] == 2 and probe.beside == []
    assert fake.said("build")[-1].task.quarantined == (verdict,)


def test_a_verdict_that_was_loads_alone_is_not_held_against_the_source(build, tmp_path):
    verdict = Verdict.on(source("bob"), "E_TIMEOUT", "not done in 60 s", "decode")

    def script(call):
        if call.kind == "probe":
            return None
        return failed(Suspicion((verdict,))) if not call.task.is_final and "bob" in call.ids else OK

    fake = build(script)
    assert fake.error is None and load_quarantine(str(tmp_path / "out")) == []
    last = fake.said("build")[-1]
    assert last.task.is_final and last.options["num_cpus"] == 2 and last.beside == []


def test_a_full_disk_stops_the_build_and_names_the_path(build):
    def script(call):
        return failed(OSError(errno.ENOSPC, "No space left on device", "/out/_tmp/x"))

    fake = build(script)
    assert "cannot be written" in fake.error and "/out/_tmp/x" in fake.error
    assert "No space left" in fake.error and len(fake.calls) == 2 and len(fake.cancelled) == 1


def test_a_node_with_other_versions_stops_the_build_before_it_gets_more(build):
    said = "node 10.0.0.9 has ffmpeg 8.1, the driver has 9.0.2"
    fake = build(lambda call: failed(MixedVersions(said)))
    assert fake.error == said and len(fake.calls) == 2 and len(fake.cancelled) == 1


def test_a_lost_node_is_no_fault_of_a_source_and_is_finite_too(build):
    def script(call):
        if "bob" in call.ids:
            return ray.exceptions.NodeDiedError("gone")
        return OK

    fake = build(script, attempts=4)
    assert "lost 4 times" in fake.error and fake.said("probe") == []


def test_the_note_of_a_try_that_was_lost_goes_so_that_a_late_worker_gives_up(build, tmp_path):
    def script(call):
        reporter(call.task.out, call.name)(BundleCounts(source="bob", due_s=9))
        is_first = call.kind == "build" and call.name.endswith(".1")
        return ray.exceptions.NodeDiedError("gone") if is_first else OK

    assert build(script).error is None
    assert list((tmp_path / "out" / "_tmp").iterdir()) == []


def test_a_bundle_that_waits_for_memory_is_not_taken_for_lost_though_cpus_are_free(
    tmp_path, monkeypatch
):
    now = [1000.0]
    free_cpus = {"CPU": 50.0}
    monkeypatch.setattr(waiting.ray, "available_resources", lambda: free_cpus)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(Room, "of_cluster", classmethod(lambda cls, settings: ROOM))
    configs = ClipsConfig(), ShardsConfig(), SourcesConfig()
    tasks = [BundleTask(str(tmp_path), f"{n:06d}", "f", (), *configs, "c") for n in range(3)]
    run = Dispatch(tasks)
    jobs = [Watched(Job(task), heard=now[0]) for task in tasks]
    for number, watched in enumerate(jobs):
        run.running.add(number, watched)
    for watched in jobs[:2]:
        watched.note = BundleCounts(source="ada", due_s=1e6)
    now[0] += UNSTARTED_S + 1
    assert not run._is_overdue(jobs[2])
    run.running.remove(0)
    now[0] += UNSTARTED_S + 1
    assert run._is_overdue(jobs[2])
    run.close()


def test_a_fault_of_ours_fails_its_bundle_and_no_other(build):
    def script(call):
        return failed(RuntimeError("must give the same bytes")) if "bob" in call.ids else OK

    fake = build(script)
    assert "1 bundles failed" in fake.error and "the same bytes" in fake.error
    assert len(fake.calls) == 2


def test_ray_that_died_on_this_machine_says_so(build):
    def script(call):
        return ray.exceptions.LocalRayletDiedError()

    assert "Ray on this machine died" in build(script).error


def test_where_nothing_comes_through_the_machine_is_to_blame_and_no_source(build, tmp_path):
    def script(call):
        opened = set(call.ids) - {verdict.video_id for verdict in call.task.quarantined}
        return ray.exceptions.OutOfMemoryError("full") if opened else OK

    fake = build(script, names=("ada", "bob", "cy", "eve", "fay"))
    assert "5 sources in a row failed" in fake.error and "memory" in fake.error
    assert load_quarantine(str(tmp_path / "out")) == []


def test_many_sources_that_fail_at_once_on_many_nodes_do_not_speak_against_the_machines(
    build, tmp_path
):
    poison = {f"poison{number}" for number in range(12)}

    def script(call):
        opened = set(call.ids) - {verdict.video_id for verdict in call.task.quarantined}
        if guilty := opened & poison:
            reporter(call.task.out, call.name)(BundleCounts(source=guilty.pop(), due_s=9))
            return crash()
        return OK if call.kind == "build" else None

    room = dataclasses.replace(ROOM, num_slots=16, num_nodes=8)
    fake = build(script, rest=[(name, f"good beside {name}") for name in sorted(poison)], room=room)
    assert fake.error is None
    assert {one.video_id for one in load_quarantine(str(tmp_path / "out"))} == poison


def test_a_lone_poisoned_source_is_remembered_though_nothing_was_opened_after_it(build, tmp_path):
    fake = build(dies_at("bob"), names=("bob",))
    assert fake.error is None
    assert [verdict.video_id for verdict in load_quarantine(str(tmp_path / "out"))] == ["bob"]
