"""The figures that jobs offer to Prometheus, all of them. Ray puts `ray_` before their names."""

from typing import Literal, NamedTuple


class Figure(NamedTuple):
    """One metric."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    meaning: str
    labels: tuple[str, ...] = ("run",)
    bounds: tuple[float, ...] = ()

    @property
    def exported(self) -> str:
        """The name in Prometheus; Ray gives its counters the usual ending."""
        ending = {"counter": "_total", "histogram": "_count", "gauge": ""}[self.kind]
        return f"ray_{self.name}{ending}"


JOB_RUNNING = Figure(
    "weakvid_job_running", "gauge", "1 while a driver works; gone after it", ("run", "stage")
)
PROGRESS_AGE = Figure(
    "weakvid_progress_age_seconds",
    "gauge",
    "Seconds since a video or a step was finished",
    ("run", "stage"),
)
JOB_STALLED = Figure(
    "weakvid_job_stalled", "gauge", "1 after operating.stall_s without progress", ("run", "stage")
)

VIDEOS = Figure("weakvid_videos", "gauge", "Videos of the plan")
VIDEOS_DONE = Figure("weakvid_videos_done", "gauge", "Videos that are done, in all drivers so far")
CLIPS_DONE = Figure("weakvid_clips_done", "gauge", "Clips that this driver has made")
REJECTS = Figure("weakvid_rejects", "gauge", "Rejects that this driver has counted")
BUNDLES_RUNNING = Figure("weakvid_bundles_running", "gauge", "Bundles handed to Ray")
BUNDLES_LEFT = Figure("weakvid_bundles_left", "gauge", "Bundles that this driver has still to do")
BUNDLES_FAILED = Figure("weakvid_bundles_failed", "gauge", "Bundles that were given up")
SOURCES = Figure(
    "weakvid_sources",
    "counter",
    "Videos that were tried, by their reject code, or ok",
    ("run", "code"),
)
SOURCE_SECONDS = Figure(
    "weakvid_source_seconds",
    "histogram",
    "Time that a video took",
    bounds=(0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0),
)

STEP = Figure("weakvid_step", "gauge", "Finished steps")
STEPS = Figure("weakvid_steps", "gauge", "Steps of the whole run")
LOSS = Figure("weakvid_loss", "gauge", "Loss over the global batch")
LEARNING_RATE = Figure("weakvid_learning_rate", "gauge", "Learning rate of the step")
GRAD_NORM = Figure("weakvid_grad_norm", "gauge", "Norm of the gradient before clipping")
STEP_SECONDS = Figure("weakvid_step_seconds", "gauge", "Time of a step: data, work, waiting")
CLIPS_PER_SECOND = Figure("weakvid_clips_per_second", "gauge", "Clips of the batch over its time")
DATA_WAIT = Figure("weakvid_data_wait_ratio", "gauge", "Share of a step that waits for clips")
SKIPPED_STEPS = Figure("weakvid_skipped_steps", "counter", "Steps without an update")
CHECKPOINT_STEP = Figure("weakvid_checkpoint_step", "gauge", "Step of the newest checkpoint")
WORKERS = Figure("weakvid_workers", "gauge", "Training workers of this attempt")
WORKERS_WANTED = Figure("weakvid_workers_wanted", "gauge", "Training workers that were asked for")
ATTEMPT = Figure("weakvid_attempt", "gauge", "Number of the attempt")
INTERRUPTIONS = Figure(
    "weakvid_interruptions", "counter", "Attempts that ended too early, by cause", ("run", "kind")
)
WORKER_STEP = Figure(
    "weakvid_worker_step", "gauge", "Finished steps of each worker", ("run", "worker")
)
WORKER_OWN_SECONDS = Figure(
    "weakvid_worker_own_seconds",
    "gauge",
    "Time of a step without waiting for other workers",
    ("run", "worker"),
)

FIGURES: tuple[Figure, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Figure)
)
