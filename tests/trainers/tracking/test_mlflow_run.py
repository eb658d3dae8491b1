"""MLflow without a server: the real client writes into a folder, and this reads it back."""

import pytest

from trainers.loop.metrics import cut_back
from trainers.tracking import follow as tracking
from trainers.tracking.mlflow_run import flatten

mlflow = pytest.importorskip("mlflow", reason="needs the extra mlflow")


@pytest.fixture
def client(tmp_path, monkeypatch):
    # A folder is what needs least; MLflow wants to be told that it is meant.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    # A busy machine imports the package for longer than a run would wait at its end.
    monkeypatch.setattr(tracking, "CLOSE_S", 200.0)
    return mlflow.MlflowClient(tracking_uri=(tmp_path / "store").as_uri())


def job_for(make_job, address):
    job = make_job()
    return job.model_copy(update={"tracking": job.tracking.model_copy(update={"mlflow": address})})


def test_mlflow_holds_each_step_once_and_the_settings_over_two_attempts(
    make_job, tmp_path, client, write, follow
):
    job = job_for(make_job, (tmp_path / "store").as_uri())
    path = tmp_path / "metrics.jsonl"
    write(path, [1, 2, 3])
    follow(job, path)
    cut_back(path, 2)
    write(path, [3, 4])
    follow(job, path)
    experiment = client.get_experiment_by_name("weakvid").experiment_id
    (run,) = client.search_runs([experiment])
    points = client.get_metric_history(run.info.run_id, "train/loss")
    assert [(point.step, point.value) for point in points] == [(s, 1 / s) for s in (1, 2, 3, 4)]
    assert run.data.params["training.global_batch"] == "6"
    assert run.info.run_name == "tiny" and run.info.status == "FINISHED"


def test_a_server_that_is_not_there_does_not_stop_anything(
    make_job, tmp_path, caplog, monkeypatch, write, follow
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(tracking, "CLOSE_S", 200.0)
    path = tmp_path / "metrics.jsonl"
    write(path, [1])
    follow(job_for(make_job, "http://127.0.0.1:1"), path)
    assert "mlflow cannot be reached" in caplog.text
    assert "does not have the last figures" in caplog.text


def test_settings_become_dotted_names():
    tree = {"a": {"b": 1, "c": {"d": None}}, "e": "x" * 9000}
    assert flatten(tree) == [("a.b", "1"), ("a.c.d", "None"), ("e", "x" * 6000)]
