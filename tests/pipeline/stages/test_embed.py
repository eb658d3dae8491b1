"""What the verb `embed` prints, and how it ends."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from configs.embedding import EmbeddingConfig
from configs.runs import EmbedJob
from pipeline.stages import embed
from trainers.embedding.run import Outcome

RECALL = {
    "split": "test",
    "num_queries": 4,
    "num_clips": 6,
    "t2v": {"r1": 0.25, "r5": 0.5, "r10": 1.0, "medr": 3.0},
    "chance": {"r1": 0.1, "r5": 0.4, "r10": 0.9, "medr": 4.5},
}
MANIFEST = {
    "features": {"embedding": 8, "video": 64},
    "rows": 9,
    "lost": 1,
    "parts": [{}, {}],
    "recall": RECALL,
}


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbedJob:
    plan = SimpleNamespace(
        out="data/vectors",
        manifest=SimpleNamespace(num_samples=10, out="data/real", shards=[{}, {}]),
        provenance={"run": "runs/r", "step": 7},
        config=EmbeddingConfig(workers=0),
    )
    monkeypatch.setattr("trainers.embedding.plan.make_plan", lambda _: plan)
    return EmbedJob.model_validate({"embedding": {"workers": 0}})


def test_what_was_made_is_told_with_held_out_recall_and_chance(
    job: EmbedJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = Outcome(1, 2, MANIFEST)
    monkeypatch.setattr("trainers.embedding.run.embed_shards", lambda plan, stop: outcome)
    assert embed.run(job) == 0
    printed = capsys.readouterr().out
    assert "data/vectors: 9 clips in 2 parts" in printed and "embedding 8, video 64" in printed
    assert "1 clips could not be read" in printed and "1 of 2 parts were made now" in printed
    assert "R@1 25.0 %, R@5 50.0 %, R@10 100.0 %, median rank 3" in printed
    assert "chance R@10 90.0 %, 4.5" in printed


def test_a_drained_one_says_so_by_its_exit_code(
    job: EmbedJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = Outcome(1, 2, None)
    monkeypatch.setattr("trainers.embedding.run.embed_shards", lambda plan, stop: outcome)
    assert embed.run(job) == 143


def test_a_dry_run_says_what_would_be_read_and_written(job: EmbedJob) -> None:
    plan = embed.plan_text(job)
    assert "10 clips of data/real and write data/vectors" in plan
    assert "runs/r, step 7" in plan and "none, in this process" in plan


def test_why_recall_is_not_measured_is_told() -> None:
    assert embed.recall_line({"skipped": "no words"}) == "held-out recall not measured: no words"
