"""What the verb `evaluate` prints."""

import json
from pathlib import Path

import pytest

from configs.runs import EvaluateJob
from pipeline.stages import evaluate

FIGURES = {
    f"eval/{direction}_{measure}": value
    for direction, value in (("t2v", 0.5), ("v2t", 0.25), ("chance", 0.125))
    for measure in ("r1", "r5", "r10", "medr")
} | {"eval/num_queries": 12, "eval/num_clips": 12}
SKIPPED = {"skipped": "no labelled spans: evaluation.fusion.labels is empty"}
FUSION = {
    "rows": [
        {"name": "video", "mean": 0.4, "std": 0.01, "ceiling": 0.25, "exceeds_ceiling": True},
        {"name": "audio", "mean": 0.1, "std": 0.01, "ceiling": 0.25, "exceeds_ceiling": False},
        {"name": "late_mean", "mean": 0.9, "std": 0.02, "ceiling": None, "exceeds_ceiling": False},
    ],
    "num_test": 324, "seeds": [0, 1, 2], "majority": 0.14,
    "best_fusion": "late_mean", "best_unimodal": "video", "gain": 0.5,
}  # fmt: skip


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EvaluateJob:
    monkeypatch.setattr("trainers.evaluation.run.evaluate_run", lambda _: FIGURES)
    monkeypatch.setenv("COLUMNS", "120")
    return EvaluateJob.model_validate({"run": {"name": "r", "root": str(tmp_path)}})


def write(job: EvaluateJob, fusion: dict, alignment: dict) -> None:
    out = Path(job.run.root) / "r" / "evaluation"
    out.mkdir(parents=True)
    (out / "fusion.json").write_text(json.dumps(fusion))
    (out / "alignment.json").write_text(json.dumps(alignment))


def test_retrieval_is_printed_with_chance_beside_and_why_fusion_is_left_out(
    job: EvaluateJob, capsys: pytest.CaptureFixture[str]
) -> None:
    write(job, SKIPPED, SKIPPED)
    assert evaluate.run(job) == 0
    printed = capsys.readouterr().out
    for name, share in (
        ("text to video", "50.0 %"),
        ("video to text", "25.0 %"),
        ("chance", "12.5 %"),
    ):
        assert any(name in line and share in line for line in printed.splitlines())
    assert "fusion skipped: no labelled spans" in printed
    assert "narration" not in printed


def test_rows_above_their_ceiling_or_below_majority_are_marked(
    job: EvaluateJob, capsys: pytest.CaptureFixture[str]
) -> None:
    alignment = {"clips": 9, "nearest_right": 0.33, "right_within_k": {"1": 0.33, "2": 0.6}}
    write(job, FUSION, alignment)
    assert evaluate.run(job) == 0
    lines = capsys.readouterr().out.splitlines()
    starts = ("│ video", "│ audio", "│ late_mean", "best fusion", "narration")
    line_of = {start: line for line in lines for start in starts if line.startswith(start)}
    assert "above what it can know" in line_of["│ video"]
    assert "at or below majority" in line_of["│ audio"]
    assert "majority" not in line_of["│ late_mean"]
    assert "50.0 points" in line_of["best fusion"]
    assert "33.0 % of 9 clips (counted)" in line_of["narration"]


def test_the_plan_says_what_is_missing_and_touches_nothing(
    job: EvaluateJob, tmp_path: Path
) -> None:
    job = job.model_copy(
        update={
            "evaluation": job.evaluation.model_copy(update={"cues": str(tmp_path / "no.jsonl")})
        }
    )
    plan = evaluate.plan_text(job)
    assert "`weakvid train` writes one" in plan
    assert "no.jsonl (not there)" in plan
    assert "none, skipped" in plan
    assert list(tmp_path.iterdir()) == []
