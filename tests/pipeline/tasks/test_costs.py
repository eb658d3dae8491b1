import dataclasses
import json

import pytest

from pipeline.tasks.costs import COSTS, estimate_and_outcome, note_estimate, noted_build
from pipeline.tasks.estimate import Estimate
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold

TOLD = Estimate(
    sources=1,
    source_bytes=9,
    hours=0.5,
    clips=2,
    core_hours=0.1,
    shards=1,
    output_bytes=9,
    probed=1,
)


@pytest.fixture
def out(tmp_path) -> str:
    reject = {"video_id": "v", "code": "E_CODEC", "clips": 2, "t0_s": None}
    video = {"video_id": "v", "bytes": 9, "duration_s": 1800.0}
    commit_bundle(str(tmp_path), BundleRecord("000000", "f", {"v": 2}, [], [reject], [video]))
    return str(tmp_path)


def test_estimate_and_outcome_stand_side_by_side(out):
    assert estimate_and_outcome(out) == (None, None)
    note_estimate(out, "plan", lambda: TOLD)
    assert estimate_and_outcome(out) == (TOLD, None)
    with noted_build(out, 1, lambda: 4):
        pass
    fold(out, ["000000"])
    told, was = estimate_and_outcome(out)
    assert told == TOLD and was is not None
    assert (was.sources, was.source_bytes, was.hours, was.clips, was.shards) == (1, 9, 0.5, 2, 0)
    assert was.core_hours is not None and was.core_hours >= 0


def test_a_plan_is_estimated_once(out):
    def again() -> Estimate:
        raise AssertionError("estimated twice")

    note_estimate(out, "plan", lambda: TOLD)
    note_estimate(out, "plan", again)


def test_a_build_in_several_runs_costs_their_sum(out, tmp_path):
    rows = [
        {"sources": 8, "hours": 3.0, "cpus": 9},
        {"plan": "p", "estimate": dataclasses.asdict(TOLD)},
        {"sources": 1, "hours": 1.0, "cpus": 4},
        {"sources": 1, "hours": 0.5, "cpus": 2},
    ]
    (tmp_path / COSTS).write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"torn')
    fold(out, ["000000"])
    was = estimate_and_outcome(out)[1]
    assert was is not None and was.core_hours == 5.0


def test_a_build_that_fails_is_noted_and_its_error_stands(out, tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match="no space"), noted_build(out, 1, lambda: 2):
        raise RuntimeError("no space left")
    [row] = [json.loads(line) for line in (tmp_path / COSTS).read_text().splitlines()]
    assert row["cpus"] == 2 and row["sources"] == 1
