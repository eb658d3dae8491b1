import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from pipeline.tasks.plancheck import plan_problems
from pipeline.tasks.planfile import PLAN, load_plan, save_plan


def test_a_built_folder_agrees_with_its_plan(little_shards):
    assert plan_problems(little_shards) == []


def test_a_plan_of_other_settings_is_seen(built_shards):
    save_plan(built_shards, replace(load_plan(built_shards), settings="others"))
    problems = plan_problems(built_shards)
    assert len(problems) == 2 and "on bundle 000000" in problems[0]


def test_a_video_that_only_the_plan_has_is_seen(built_shards):
    plan = load_plan(built_shards)
    row = plan.sources.slice(0, 1).to_pylist()[0] | {"video_id": "more"}
    more = pa.Table.from_pylist([row], schema=plan.sources.schema)
    save_plan(built_shards, replace(plan, sources=pa.concat_tables([more, plan.sources])))
    assert any(
        "not in videos.parquet: 'more'" in problem for problem in plan_problems(built_shards)
    )


def test_counts_and_generations_that_do_not_fit_are_seen(built_shards):
    path = Path(built_shards, PLAN)
    value = json.loads(path.read_text())
    for name in ("bundles", "videos", "bytes", "code"):
        path.write_text(json.dumps(value | {name: 77}))
        assert f"must say {name}" in plan_problems(built_shards)[0]
    value["generations"][0]["num_buckets"] = 1000
    path.write_text(json.dumps(value))
    assert "must deal each video to its bundle" in plan_problems(built_shards)[0]
    path.write_text(json.dumps(value | {"settings": 1}))
    assert len(plan_problems(built_shards)) == 1


def test_a_damaged_or_missing_plan_is_seen(built_shards):
    table = next(Path(built_shards).glob("plan-*.parquet"))
    data = table.read_bytes()
    table.write_bytes(data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    assert "must be the table" in plan_problems(built_shards)[0]
    Path(built_shards, PLAN).unlink()
    assert "is missing" in plan_problems(built_shards)[0]
