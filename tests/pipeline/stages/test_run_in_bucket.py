"""The verbs on a run that lies in a bucket, against a real S3 server on loopback."""

import importlib.util
import json
from pathlib import Path

import pytest

from configs.runs import EmbedJob, EvaluateJob, ReportJob, RunConfig
from pipeline.cli import main
from pipeline.stages import embed, evaluate, report, status, train
from shards.paths import StorePath


@pytest.fixture
def job(root: Path, tmp_path: Path, bucket: str):
    """A job of a very small model, whose run lies in a bucket."""
    path = root / "tests/trainers/conftest.py"
    spec = importlib.util.spec_from_file_location("small_runs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_shards(tmp_path / "shards")
    return module.tiny_job(tmp_path / "shards", f"{bucket}/runs", workers=0)


def test_a_run_in_a_bucket_is_trained_looked_at_evaluated_and_reported(
    job, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = StorePath(f"{job.run.root}/tiny")
    assert train.run(job) == 0
    assert not (run_dir / "driver.lock").exists() and not (run_dir / "stop").exists()
    assert train.run(job) == 0, "it is finished, and the same command says so"
    assert f"all 6 steps are done, in {run_dir}" in capsys.readouterr().out

    assert status.run(str(run_dir), as_json=True) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["state"], facts["step"], facts["attempts"]) == ("finished", 6, 1)
    assert facts["checkpoint"]["step"] == 6 and facts["checkpoint"]["age_s"] >= 0
    assert status.run(str(run_dir)) == 0
    assert "step-00000006" in capsys.readouterr().out

    run = RunConfig(name="tiny", root=job.run.root)
    splits = {"retrieval": {"split": "val"}}
    assert evaluate.run(EvaluateJob.model_validate({"run": run, "evaluation": splits})) == 0
    assert (run_dir / "evaluation/retrieval.json").is_file()
    assert report.run(ReportJob(run=run)) == 0

    vectors = EmbedJob.model_validate({"run": run, "embedding": {"workers": 0}})
    assert embed.run(vectors) == 0
    before = (run_dir / "embeddings/embeddings.json").read_bytes()
    assert embed.run(vectors) == 0
    assert (run_dir / "embeddings/embeddings.json").read_bytes() == before
    capsys.readouterr()
    assert main(["search", str(run_dir), "chop the leek", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["hits"]) == 10
    page = (run_dir / "report.html").read_text()
    assert "<svg" in page and "No config.yaml" not in page
