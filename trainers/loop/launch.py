"""A worker group on Ray Train V2, and the loop around it that outlives dead workers.

Ray gets a fixed-size group and a fresh run name for each attempt. Our own checkpoints are the
only truth: Ray's snapshot, retries and checkpoint manager are not used, and `report` is never
called (its controller takes one report per poll, 2 s by default).
"""

import logging
import os
import threading
from pathlib import Path
from typing import Any

from configs.runs import RayConfig, TrainJob
from trainers.local_ray import out_of_our_process_group
from trainers.loop import attempts, folder
from trainers.loop.interrupts import Interrupts
from trainers.loop.prepare import Assignment, Preparation, begin_attempt, newest_step

logger = logging.getLogger(__name__)

# Read by Ray's controller and handed on by it. Defaults of a long run cost a short one seconds.
RAY_SETTINGS = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray's own choice for workers is 15: on a busy machine they would starve.
    "RAY_worker_niceness": "0",
}
UNUSED_CALLBACKS = ("DatasetsCallback", "PlacementGroupCleanerCallback")
"""Each starts a process of its own: for Ray's data sets, which we do not use, and to take back
resources of a dead controller, which Ray does by itself when the driver has gone."""

FATAL = ("DamagedSample", "NonFiniteLoss", "StaleAttempt", "ValueError")
"""Errors that would come again: another attempt is no help."""


class TrainingFailed(RuntimeError):  # noqa: N818 - it names a state
    """The workers failed and going on would not help."""


def start_ray(config: RayConfig, workers: int) -> None:
    """Start Ray on this machine, or join the cluster at `config.address`."""
    import ray

    for name, value in RAY_SETTINGS.items():
        os.environ.setdefault(name, value)
    # Two seconds of imports, while `ray.init` waits for its processes.
    imports = threading.Thread(target=_import_ray_train, name="imports")
    imports.start()
    if config.address == "local":
        # A worker asks for one CPU each; more of them than cores are slow but right.
        num_cpus = max(config.cpus or len(os.sched_getaffinity(0)), workers)
        # The workers log to files of the run; Ray's own processes have nothing to say here.
        with out_of_our_process_group():
            ray.init(
                address="local", num_cpus=num_cpus, include_dashboard=False, log_to_driver=False
            )
    else:
        ray.init(address=config.address, log_to_driver=False)
    imports.join()


def _import_ray_train() -> None:
    import ray.train.torch  # noqa: F401


def stop_ray() -> None:
    """Leave Ray; one that runs on this machine for us ends."""
    import ray

    ray.shutdown()


def train_attempts(preparation: Preparation, interrupts: Interrupts) -> None:
    """Fit again from the newest checkpoint until the run is finished or asked to stop.

    Raises:
        TrainingFailed: If workers failed `training.attempts` times without a new checkpoint
            between, or once for a reason that would come again.
    """
    training, run_dir = preparation.job.training, preparation.run_dir
    failures, before = 0, newest_step(run_dir)
    while True:
        assignment = begin_attempt(preparation, training.workers)
        interrupts.renew()
        error = _fit_in_thread(assignment)
        after = newest_step(run_dir)
        attempts.append_event(
            run_dir, assignment.attempt, "end", step=after, error=_one_line(error)
        )
        if after >= training.steps or (interrupts.received and error is None):
            return
        failures = 1 if after > before else failures + 1
        before = after
        if error is None or _is_fatal(error) or interrupts.received:
            raise TrainingFailed(f"training ended at step {after}: {_one_line(error)}") from error
        if failures >= training.attempts:
            raise TrainingFailed(
                f"training failed {failures} times without a checkpoint after step {after} "
                f"(training.attempts = {training.attempts}): {_one_line(error)}"
            ) from error
        logger.warning("workers failed, going on from step %d: %s", after, _one_line(error))


def _fit_in_thread(assignment: Assignment) -> BaseException | None:
    """Fit, leaving the main thread free to receive signals; return the error if there is one.

    In the main thread Ray would take over SIGINT and abort without a checkpoint.
    """
    errors: list[BaseException] = []

    def fit() -> None:
        try:
            _fit(assignment)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=fit, name="fit", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
    return errors[0] if errors else None


def _fit(assignment: Assignment) -> None:
    import ray
    from ray.train.v2.api.config import FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.torch.torch_trainer import TorchTrainer

    class LeanTrainer(TorchTrainer):
        def _create_default_callbacks(self) -> list[Any]:
            callbacks = super()._create_default_callbacks()
            return [c for c in callbacks if type(c).__name__ not in UNUSED_CALLBACKS]

    training = assignment.job.training
    use_gpu = ray.cluster_resources().get("GPU", 0) >= training.workers
    trainer = LeanTrainer(
        _train_function,
        train_loop_config={"assignment": assignment},
        scaling_config=ScalingConfig(num_workers=training.workers, use_gpu=use_gpu),
        run_config=RunConfig(
            name=f"attempt-{assignment.attempt}",
            storage_path=str(Path(assignment.run_dir) / folder.RAY),
            failure_config=FailureConfig(max_failures=0),
        ),
    )
    trainer.fit()


def _train_function(config: dict[str, Assignment]) -> None:
    import ray.train
    from ray.train.torch import get_device

    from trainers.loop.worker import train_worker

    context, assignment = ray.train.get_context(), config["assignment"]
    _log_to_file(assignment, context.get_world_rank())
    device = get_device()
    train_worker(
        assignment,
        context.get_world_rank(),
        context.get_world_size(),
        device[0] if isinstance(device, list) else device,
    )


def _log_to_file(assignment: Assignment, worker: int) -> None:
    folder_path = Path(assignment.run_dir) / folder.LOGS
    folder_path.mkdir(exist_ok=True)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        filename=folder_path / f"attempt-{assignment.attempt}-worker-{worker}.log",
        force=True,
    )


def _is_fatal(error: BaseException) -> bool:
    failures = getattr(error, "worker_failures", {})
    return any(type(failure).__name__ in FATAL for failure in failures.values())


def _one_line(error: BaseException | None) -> str | None:
    if error is None:
        return None
    failures = getattr(error, "worker_failures", {})
    reasons = [f"worker {rank}: {failure}" for rank, failure in failures.items()] or [str(error)]
    return "; ".join(reason.strip().splitlines()[-1][:500] for reason in reasons if reason.strip())


def describe(job: TrainJob) -> str:
    """Return how many workers run which virtual ranks."""
    training = job.training
    micro_batch = training.global_batch // training.virtual_ranks
    return (
        f"{training.workers} workers, {training.virtual_ranks} virtual ranks of {micro_batch} clips"
    )
