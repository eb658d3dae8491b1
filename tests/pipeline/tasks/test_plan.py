import dataclasses
import json
from pathlib import Path

import pyarrow.compute as pc
import pytest

import pipeline.tasks.plan as plan_module
from configs.runs import ShardsJob
from pipeline.listing.source import SourceFile
from pipeline.tasks.plan import plan_bundles
from pipeline.tasks.planfile import load_plan, save_plan


def source(video_id: str, **changes) -> SourceFile:
    made = SourceFile(video_id, f"/v/{video_id}.mp4", "/v/a.vtt", f"{video_id}.mp4", 9, "1", 9, "1")
    return dataclasses.replace(made, **changes)


def job(**shards) -> ShardsJob:
    return ShardsJob.model_validate({"shards": {"sources_per_bundle": 4, **shards}})


def fingerprints(tasks):
    return {task.bundle: task.fingerprint for task in tasks}


def carry_on(out: str, sources, **shards):
    """Plan and keep the plan, as a run does."""
    plan, tasks = plan_bundles(job(**shards), out, sources, load_plan(out))
    save_plan(out, plan)
    assert load_plan(out) == plan and plan.fingerprints() == fingerprints(tasks)
    return plan, tasks


SOURCES = [source(f"v{number}") for number in range(40)]


def test_the_order_of_the_listing_does_not_matter(tmp_path):
    plan, tasks = plan_bundles(job(), str(tmp_path), SOURCES)
    other, shuffled = plan_bundles(job(), str(tmp_path), SOURCES[::-1])
    assert plan == other and list(tasks) == list(shuffled)
    assert sorted(s.video_id for task in tasks for s in task.sources) == sorted(
        s.video_id for s in SOURCES
    )
    assert len(tasks) == 10 and tasks.num_sources == 40


def test_a_task_holds_its_sources_as_they_were_listed(tmp_path):
    rich = source("v1", caption_span=(5, 7), interval=(0.5, 2.25), language="de", extra='{"a":1}')
    others = [*SOURCES[2:], source("x", bytes=-1)]
    tasks = plan_bundles(job(), str(tmp_path), [*others, rich])[1]
    assert {s for task in tasks for s in task.sources} == {*others, rich}


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
    before = fingerprints(carry_on(out, SOURCES)[1])
    grown = [*SOURCES, *(source(f"new{number}") for number in range(9))]
    plan, tasks = carry_on(out, grown)
    assert len(plan.generations) == 2
    after = fingerprints(tasks)
    assert {bundle: after[bundle] for bundle in before} == before
    assert {s.video_id for task in tasks for s in task.sources} == {s.video_id for s in grown}


def test_sources_that_are_gone_touch_their_bundles_only_and_may_come_back(tmp_path):
    out = str(tmp_path)
    before = fingerprints(carry_on(out, SOURCES)[1])
    plan, tasks = carry_on(out, [s for s in SOURCES if s.video_id not in ("v3", "v7")])
    after = fingerprints(tasks)
    rows = plan.sources.filter(pc.is_null(plan.sources["digest"])).to_pylist()
    assert {row["video_id"] for row in rows} == {"v3", "v7"}
    touched = {f"{row['bundle']:06d}" for row in rows}
    assert {bundle for bundle in before if after.get(bundle) != before[bundle]} == touched
    assert fingerprints(carry_on(out, SOURCES)[1]) == before


def test_a_plan_without_some_videos_is_the_plan_of_a_listing_without_them(tmp_path):
    plan = carry_on(str(tmp_path), SOURCES)[0]
    left = [s for s in SOURCES if s.video_id not in ("v3", "v7")]
    assert plan.without(["v3", "v7"]) == carry_on(str(tmp_path), left)[0]


def test_another_bundle_size_does_not_move_planned_sources(tmp_path):
    before = carry_on(str(tmp_path), SOURCES)[1]
    after = carry_on(str(tmp_path), SOURCES, sources_per_bundle=2)[1]
    assert fingerprints(after) == fingerprints(before)


def test_a_plan_is_written_when_it_changes_and_leaves_no_older_table(tmp_path):
    out = str(tmp_path)
    carry_on(out, SOURCES)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    carry_on(out, SOURCES)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == stamps
    carry_on(out, SOURCES[1:])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2 and names[1] == "plan.json"
    assert names[0] == json.loads((tmp_path / "plan.json").read_text())["table"]


def test_a_damaged_table_of_a_plan_is_refused(tmp_path):
    out = str(tmp_path)
    carry_on(out, SOURCES)
    [table] = tmp_path.glob("plan-*.parquet")
    table.write_bytes(table.read_bytes()[:-1])
    with pytest.raises(ValueError, match=table.name):
        load_plan(out)


def test_the_largest_bundles_come_first(tmp_path):
    sized = [source(f"v{number}", bytes=number) for number in range(40)]
    tasks = plan_bundles(job(), str(tmp_path), sized)[1].largest_first()
    sizes = [task.num_bytes for task in tasks]
    assert sizes == sorted(sizes, reverse=True) == tasks.num_bytes.tolist()
    assert [task.bundle for task in tasks[:3]] == tasks.bundles[:3]


def test_a_foreign_plan_is_refused(tmp_path):
    (tmp_path / "plan.json").write_text('{"version": 99}')
    with pytest.raises(ValueError, match="version 2"):
        load_plan(str(tmp_path))


def test_more_bundles_than_six_digits_can_name_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(plan_module, "MAX_BUNDLES", 9)
    with pytest.raises(ValueError, match="sources_per_bundle"):
        plan_bundles(job(), str(tmp_path), SOURCES)
