"""A worker group on Ray Train V2, for one attempt.

Ray gets a fixed-size group and a fresh run name for each attempt. Our own checkpoints are the
only truth: Ray's snapshot, retries and checkpoint manager are not used, and `report` is never
called (its controller takes one report per poll, 2 s by default).
"""

import logging
import os
import re
import threading
from typing import Any

from configs.runs import RayConfig, TrainJob
from shards.paths import any_path
from trainers.cluster.connect import join_ray
from trainers.cluster.stamp import stamp
from trainers.cluster.versions import refuse_other_versions
from trainers.loop import folder
from trainers.loop.capacity import Capacity
from trainers.loop.deaths import GroupFailed, WorkerDied, WorkerFrozen
from trainers.loop.desk import desk_folder
from trainers.loop.heartbeat import read_heartbeats
from trainers.loop.limits import first_collective_limit_s
from trainers.loop.prepare import Assignment
from trainers.telemetry.here import remember
from trainers.telemetry.logs import TEXT, log_handlers, send_logs_to
from trainers.telemetry.publish import switch

# Read by Ray's controller and handed on by it. Defaults of a long run cost a short one seconds.
RAY_SETTINGS = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    # Ray's own choice for workers is 15: on a busy machine they would starve.
    "RAY_worker_niceness": "0",
}
UNUSED_CALLBACKS = ("DatasetsCallback", "PlacementGroupCleanerCallback")
"""Each starts a process of its own: for Ray's data sets, which we do not use, and to take back
resources of a dead controller, which Ray does by itself when the driver has gone."""

_FROZEN = "WorkerHealthCheckTimeoutError"
_DEATHS = (_FROZEN, "WorkerHealthCheckFailedError", "ActorDiedError")
_START_LIMIT_S = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"
_FROZEN_LIMIT_S = "RAY_TRAIN_WORKER_HEALTH_CHECK_TIMEOUT_S"
"""How long a worker's process may not answer at all: it is stopped, or its machine is."""


def start_ray(config: RayConfig, workers: int) -> None:
    """Start Ray on this machine, or join the cluster at `config.address`.

    Raises:
        ValueError: If the cluster lets strangers in, or its nodes have different versions.
    """
    for name, value in RAY_SETTINGS.items():
        os.environ.setdefault(name, value)
    # Two seconds of imports, while `ray.init` waits for its processes.
    imports = threading.Thread(target=_import_ray_train, name="imports")
    imports.start()
    # A worker asks for one CPU each; more of them than cores are slow but right.
    join_ray(config, cpus=max(config.cpus or len(os.sched_getaffinity(0)), workers))
    imports.join()


def _import_ray_train() -> None:
    import ray.train.torch  # noqa: F401


def stop_ray() -> None:
    """Leave Ray; one that runs on this machine for us ends."""
    import ray

    ray.shutdown()


class RayGroup:
    """Runs the workers of one attempt after the other. Ray must have been started."""

    def __init__(self, job: TrainJob) -> None:
        """Decide, once for the run, whether its workers get a GPU each."""
        self._capacity = Capacity(job.training.min_workers or job.training.workers)
        self._assignment: Assignment | None = None

    def fit(self, assignment: Assignment, workers: int) -> None:
        """Run the workers to their end.

        Raises:
            GroupFailed: If they failed, or could not be started.
        """
        from ray.exceptions import ActorDiedError
        from ray.train.v2.api.exceptions import TrainingFailedError

        self._assignment = assignment
        try:
            _fit(assignment, workers, use_gpu=self._capacity.use_gpu)
        except TrainingFailedError as error:
            raise _translated(error) from error
        except ActorDiedError as error:
            why = f"the controller of the workers died: {_why_dead(error)}"
            raise GroupFailed({0: WorkerDied(why)}) from error
        finally:
            self._assignment = None

    def room(self, *, after_failure: bool = False) -> int:
        """Return how many workers could run: where there is room, and where they run now."""
        return self._capacity.free(ask_nodes=after_failure) + len(self._nodes())

    def leaving(self) -> list[str]:
        """Return the nodes of running workers that have been given notice."""
        return sorted(set(self._nodes()) & self._capacity.draining())

    def _nodes(self) -> list[str]:
        """Return the node of each running worker."""
        if self._assignment is None:
            return []
        beats = read_heartbeats(any_path(self._assignment.run_dir), self._assignment.attempt)
        return [beat["node"] for beat in beats]


def _translated(error: Exception) -> GroupFailed:
    """Say in our own words what Ray says of a group: who has died, who has raised what."""
    failures = getattr(error, "worker_failures", {})
    cause = getattr(error, "controller_failure", None)
    if not failures and not type(cause).__name__.startswith("WorkerGroupStartup"):
        return GroupFailed({0: cause or error})
    return GroupFailed(
        {
            worker: _dead(failure) if type(failure).__name__ in _DEATHS else failure
            for worker, failure in failures.items()
        },
        str(error).strip().splitlines()[-1],
    )


def _dead(failure: BaseException) -> WorkerDied:
    frozen = type(failure).__name__ == _FROZEN
    return (WorkerFrozen if frozen else WorkerDied)(_why_dead(failure))


def _why_dead(failure: BaseException) -> str:
    """Pick the sentence that tells something out of the page that Ray writes."""
    text = str(getattr(failure, "health_check_failure", failure))
    for sign in (r"Worker exit detail: ([^.]+)", r"(The actor died because [^.]+)", r"(\S.*)"):
        if found := re.search(sign, text):
            return found[1].strip()
    return type(failure).__name__


def _fit(assignment: Assignment, workers: int, *, use_gpu: bool) -> None:
    from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.torch.torch_trainer import TorchTrainer

    from trainers.loop.gloo import BetweenMachines
    from trainers.loop.startlimit import StartLimit

    limits = assignment.job.faults
    room_s = _start_limit_s(assignment.job)

    class LeanTrainer(TorchTrainer):
        def _create_default_callbacks(self) -> list[Any]:
            callbacks = super()._create_default_callbacks()
            used = [c for c in callbacks if type(c).__name__ not in UNUSED_CALLBACKS]
            return [*used, StartLimit(room_s + limits.start_limit_s)]

    os.environ[_FROZEN_LIMIT_S] = str(max(limits.step_limit_s, 10.0))
    os.environ[_START_LIMIT_S] = str(room_s)
    trainer = LeanTrainer(
        _train_function,
        train_loop_config={"assignment": assignment, "versions": dict(stamp())},
        torch_config=BetweenMachines(timeout_s=int(first_collective_limit_s(limits))),
        scaling_config=ScalingConfig(num_workers=workers, use_gpu=use_gpu),
        run_config=RunConfig(
            name=f"attempt-{assignment.attempt}",
            # Where a run lies in a bucket, Ray's own state is of no use to other machines.
            storage_path=str(desk_folder(any_path(assignment.run_dir)) / folder.RAY),
            # A group that cannot be started is our business too: the next one may be smaller.
            failure_config=FailureConfig(max_failures=0, controller_failure_limit=0),
        ),
    )
    trainer.fit()


def _start_limit_s(job: TrainJob) -> float:
    """Return how long Ray may wait for room: for all of it, or only for what was seen free."""
    return 60.0 if job.training.min_workers else max(60.0, job.faults.wait_for_workers_s)


def _train_function(config: dict[str, Any]) -> None:
    import ray
    import ray.train
    from ray.train.torch import get_device

    from trainers.loop.worker import train_worker

    refuse_other_versions(config["versions"])
    context, assignment = ray.train.get_context(), config["assignment"]
    node = ray.get_runtime_context().get_node_id()
    _tell(assignment, context.get_world_rank(), node)
    device = get_device()
    train_worker(
        assignment,
        context.get_world_rank(),
        context.get_world_size(),
        device[0] if isinstance(device, list) else device,
        node=node,
    )


def _tell(assignment: Assignment, worker: int, node: str) -> None:
    """Log to a file of the run, and name what is logged and counted here."""
    folder_path = desk_folder(any_path(assignment.run_dir)) / folder.LOGS
    folder_path.mkdir(exist_ok=True)
    name, operating = f"attempt-{assignment.attempt}-worker-{worker}", assignment.job.operating
    file = logging.FileHandler(folder_path / f"{name}.log")
    file.setFormatter(logging.Formatter(TEXT))
    send_logs_to(log_handlers(operating, name, file))
    switch(on=operating.metrics)
    run = assignment.job.run.name
    remember(run=run, stage="train", attempt=assignment.attempt, worker=worker, node=node)
