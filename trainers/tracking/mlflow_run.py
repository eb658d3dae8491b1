"""A run at an MLflow tracking server."""

import time
from typing import Any

from configs.runs import TrainJob
from configs.settings import dotted

_TAG = "weakvid.id"
_MAX_METRICS, _MAX_PARAMS, _MAX_CHARACTERS = 1000, 100, 6000
"""What MLflow takes in one request, and in one parameter."""


class MlflowRun:
    """One run at MLflow, found again by a tag."""

    def __init__(self, job: TrainJob, identity: str) -> None:
        """Reach the server; begin the run there, or find it.

        Args:
            job: Settings of the run; they are sent as its parameters.
            identity: Value of the tag.
        """
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=job.tracking.mlflow)
        experiment = self._experiment(job.tracking.mlflow_experiment)
        found = self._client.search_runs([experiment], f"tags.`{_TAG}` = '{identity}'")
        if found:
            self._run = found[0].info.run_id
            self._client.update_run(self._run, status="RUNNING")
            return
        run = self._client.create_run(experiment, run_name=job.run.name, tags={_TAG: identity})
        self._run = run.info.run_id
        self._send_settings(job)

    def send(self, lines: list[dict[str, Any]]) -> None:
        """Send lines, as many in a request as it may hold."""
        from mlflow.entities import Metric

        now_ms = int(1000 * time.time())
        metrics = [
            Metric(key, float(value), now_ms, line["step"])
            for line in lines
            for key, value in line.items()
            if key != "step" and isinstance(value, int | float)
        ]
        for start in range(0, len(metrics), _MAX_METRICS):
            self._client.log_batch(self._run, metrics=metrics[start : start + _MAX_METRICS])

    def close(self) -> None:
        """Mark the run as ended; one that goes on is marked as running again."""
        self._client.set_terminated(self._run)

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return self._client.create_experiment(name) if found is None else found.experiment_id

    def _send_settings(self, job: TrainJob) -> None:
        from mlflow.entities import Param

        params = [Param(key, value) for key, value in flatten(job.model_dump(mode="json"))]
        for start in range(0, len(params), _MAX_PARAMS):
            self._client.log_batch(self._run, params=params[start : start + _MAX_PARAMS])


def flatten(tree: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the leaves of nested settings by dotted names, as text that MLflow takes."""
    return [(name, str(value)[:_MAX_CHARACTERS]) for name, value in dotted(tree).items()]
