import dataclasses
from pathlib import Path

import pytest

from configs.runs import ShardsJob
from pipeline.listing.source import SourceFile
from pipeline.tasks.plan import load_generations, plan_bundles, save_plan


def source(video_id: str, **changes) -> SourceFile:
    made = SourceFile(video_id, f"/v/{video_id}.mp4", "/v/a.vtt", f"{video_id}.mp4", 9, "1", 9, "1")
    return dataclasses.replace(made, **changes)


def job(**shards) -> ShardsJob:
    return ShardsJob.model_validate({"shards": {"sources_per_bundle": 4, **shards}})


def fingerprints(tasks):
    return {task.bundle: task.fingerprint for task in tasks}


SOURCES = [source(f"v{number}") for number in range(40)]


def test_the_order_of_the_listing_does_not_matter(tmp_path):
    one = plan_bundles(job(), str(tmp_path), SOURCES)
    assert plan_bundles(job(), str(tmp_path), SOURCES[::-1]) == one
    assert sorted(s.video_id for task in one[1] for s in task.sources) == sorted(
        s.video_id for s in SOURCES
    )
    assert len(one[1]) == 10


def test_a_changed_source_touches_its_bundle_only(tmp_path):
    before = plan_bundles(job(), str(tmp_path), SOURCES)[1]
    changed = [source("v3", stamp="2") if s.video_id == "v3" else s for s in SOURCES]
    after = plan_bundles(job(), str(tmp_path), changed)[1]
    differing = {b for b, one in fingerprints(after).items() if fingerprints(before)[b] != one}
    assert differing == {t.bundle for t in after if "v3" in {s.video_id for s in t.sources}}


@pytest.mark.parametrize(
    "settings",
    [
        {"clips": {"crf": 20}, "shards": {"sources_per_bundle": 4}},
        {"shards": {"sources_per_bundle": 4, "val_share": 0.2}},
        {"shards": {"sources_per_bundle": 4, "max_shard_samples": 9}},
    ],
)
def test_a_changed_setting_touches_all_bundles(tmp_path, settings):
    before = fingerprints(plan_bundles(job(), str(tmp_path), SOURCES)[1])
    changed = ShardsJob.model_validate(settings)
    after = fingerprints(plan_bundles(changed, str(tmp_path), SOURCES)[1])
    assert before.keys() == after.keys() and not set(before.values()) & set(after.values())


def test_where_a_run_happens_touches_nothing(tmp_path):
    before = fingerprints(plan_bundles(job(), str(tmp_path), SOURCES)[1])
    moved = [dataclasses.replace(s, video=str(Path("/w") / s.name)) for s in SOURCES]
    other = ShardsJob.model_validate(
        {"shards": {"sources_per_bundle": 4, "attempts": 9}, "ray": {"cpus": 1}}
    )
    assert fingerprints(plan_bundles(other, str(tmp_path), moved)[1]) == before


def test_new_sources_get_bundles_of_their_own(tmp_path):
    out = str(tmp_path)
    generations, before = plan_bundles(job(), out, SOURCES)
    save_plan(out, generations, before)
    assert load_generations(out) == generations
    grown = [*SOURCES, *(source(f"new{number}") for number in range(9))]
    generations, after = plan_bundles(job(), out, grown)
    assert len(generations) == 2
    kept = {b: f for b, f in fingerprints(after).items() if b in fingerprints(before)}
    assert kept == fingerprints(before)
    assert {s.video_id for task in after for s in task.sources} == {s.video_id for s in grown}


def test_another_bundle_size_does_not_move_planned_sources(tmp_path):
    out = str(tmp_path)
    generations, before = plan_bundles(job(), out, SOURCES)
    save_plan(out, generations, before)
    after = plan_bundles(job(sources_per_bundle=2), out, SOURCES)[1]
    assert fingerprints(after) == fingerprints(before)


def test_a_foreign_plan_is_refused(tmp_path):
    (tmp_path / "plan.json").write_text('{"version": 99}')
    with pytest.raises(ValueError, match="version 1"):
        load_generations(str(tmp_path))
