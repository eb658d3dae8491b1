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


def write(job: EvaluateJob, fusion: dict, alignment: dict, **published: dict) -> None:
    out = Path(job.run.root) / "r" / "evaluation"
    out.mkdir(parents=True)
    files = dict.fromkeys(("benchmark", "probe", "steps"), SKIPPED)
    files |= {"fusion": fusion, "alignment": alignment, **published}
    for name, value in files.items():
        (out / f"{name}.json").write_text(json.dumps(value))


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


def test_published_protocols_are_printed_with_what_was_missing(
    job: EvaluateJob, capsys: pytest.CaptureFixture[str]
) -> None:
    ranked = {"layout": "youcook2", "rows": 10, "rows_missing": 2}
    probed = {"accuracy": 0.5, "classes": 51, "rows": 9, "rows_missing": 0}
    write(
        job,
        SKIPPED,
        SKIPPED,
        benchmark=ranked | {"t2v": {"r1": 0.1, "r5": 0.3, "r10": 0.5, "medr": 9.0}},
        probe=probed | {"splits": [{"accuracy": 0.4}, {"accuracy": 0.6}]},
        steps={
            "recall_in_order": 0.25,
            "recall_any_order": 0.3,
            "tasks": 18,
            "videos": 7,
            "videos_missing": 1,
        },
    )
    assert evaluate.run(job) == 0
    printed = capsys.readouterr().out
    assert "youcook2: text to video R@1 10.0 %, R@5 30.0 %, R@10 50.0 %" in printed
    assert "8 of 10 rows" in printed
    assert "linear probe: 50.0 % of 51 classes (40.0 %, 60.0 %); 9 of 9 videos" in printed
    assert "25.0 % in the order of the list, 30.0 % in any; 18 tasks, 7 of 8 videos" in printed


def test_several_workers_start_a_ray_that_ends_with_them(
    job: EvaluateJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(job, SKIPPED, SKIPPED)
    calls = []
    monkeypatch.setattr("trainers.loop.group.start_ray", lambda _, n: calls.append(n))
    monkeypatch.setattr("trainers.loop.group.stop_ray", lambda: calls.append("stop"))
    several = job.evaluation.model_copy(update={"workers": 3})
    assert evaluate.run(job.model_copy(update={"evaluation": several})) == 0
    assert calls == [3, "stop"]
