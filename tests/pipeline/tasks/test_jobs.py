from configs.clips import ClipsConfig
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.listing.source import SourceFile
from pipeline.tasks.bundle import BundleTask
from pipeline.tasks.jobs import Job, isolate, suspects_of
from pipeline.tasks.quarantine import Verdict


def source(name: str) -> SourceFile:
    return SourceFile(name, f"/{name}.mp4", "", f"{name}.mp4", 10, "1")


def job(*seen: str, quarantined: tuple[Verdict, ...] = ()) -> Job:
    sources = tuple(map(source, ("ada", "bob", "cy")))
    task = BundleTask(
        "/out", "000007", "f", sources, ClipsConfig(), ShardsConfig(), SourcesConfig(), "c"
    )
    made = Job(task, seen=list(seen))
    made.task = BundleTask(**{**_fields(task), "quarantined": quarantined, "is_final": False})
    return made


def _fields(task: BundleTask) -> dict:
    return {name: getattr(task, name) for name in BundleTask.__slots__}


def test_the_source_that_both_workers_died_at_is_the_only_suspect():
    assert suspects_of(job("bob", "bob")) == {"bob"}
    for seen in (("bob", "cy"), ("bob", ""), ("", "")):
        assert suspects_of(job(*seen)) == {"ada", "bob", "cy"}


def test_what_is_quarantined_is_no_suspect():
    verdict = Verdict.on(source("ada"), "E_CRASH", "", "task")
    assert suspects_of(job("", "", quarantined=(verdict,))) == {"bob", "cy"}


def test_each_suspect_is_tried_by_itself_under_a_name_of_its_own():
    isolation, probes = isolate(job(), {"ada", "cy"})
    assert isolation.pending == {"ada", "cy"}
    assert [[one.video_id for one in probe.task.sources] for probe in probes] == [["ada"], ["cy"]]
    assert [probe.name for probe in probes] == ["000007.p0-1", "000007.p2-1"]
    assert not any(probe.is_alone for probe in probes)
    assert [probe.is_alone for probe in isolate(job(), {"bob"})[1]] == [True]


def test_the_bundle_is_built_without_the_guilty_or_alone_where_nobody_is():
    verdict = Verdict.on(source("ada"), "E_CRASH", "", "task")
    guilty, _ = isolate(job(), {"ada"})
    guilty.verdicts.append(verdict)
    built = guilty.conclude()
    assert built.task.quarantined == (verdict,) and not built.is_alone and built.task.is_final
    innocent = isolate(job(), {"ada"})[0].conclude()
    assert innocent.is_alone and innocent.task.is_final and innocent.name == "000007.2"
