"""A look inside some steps with torch.profiler, in the run's `profiles` folder.

`attempt-A-worker-W.json` is a trace for the eye, at https://ui.perfetto.dev or chrome://tracing;
the `.txt` beside it lists operators by their own time.
"""

import logging
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

FOLDER = "profiles"
_WAIT, _WARMUP = 2, 1
_ROWS = 40

logger = logging.getLogger(__name__)


class Profiler:
    """Profiles steps after the first three of an attempt; does nothing where none is wanted."""

    def __init__(self, num_steps: int, run_dir: Path, attempt: int, worker: int) -> None:
        """Begin to count steps.

        Args:
            num_steps: How many are profiled.
            run_dir: Folder of the run.
            attempt: Number of the attempt.
            worker: Number of the worker.
        """
        self._path = run_dir / FOLDER / f"attempt-{attempt}-worker-{worker}.json"
        self._profile: profile | None = None
        if not num_steps:
            return
        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        self._profile = profile(
            activities=activities,
            schedule=schedule(wait=_WAIT, warmup=_WARMUP, active=num_steps, repeat=1),
            on_trace_ready=self._write,
        )
        self._profile.start()

    def step(self) -> None:
        """Note the end of a step."""
        if self._profile is not None:
            self._profile.step()

    def close(self) -> None:
        """Write what there is, where the run ends before all steps are profiled."""
        if self._profile is not None:
            self._profile.stop()
            self._profile = None

    def _write(self, done: profile) -> None:
        self._path.parent.mkdir(exist_ok=True)
        done.export_chrome_trace(str(self._path))
        key = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
        table = done.key_averages().table(sort_by=key, row_limit=_ROWS)
        self._path.with_suffix(".txt").write_text(table)
        logger.info("profile written: %s", self._path)
