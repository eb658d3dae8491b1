"""Evaluation beside training: committed checkpoints are measured in Ray tasks, one at a time.

The driver watches the run's checkpoints. One that is due is held by hard links, so that it stays
while it waits though training prunes it; a later one takes its place, and the log says so. A task
asks Ray for no CPU, so it begins though training holds all of them, and has a low priority, so that
training does not wait for it. A measurement that fails is a line in the log and nothing more.

    evaluation/waiting/step-00000100/    a checkpoint that is held
    evaluations.jsonl                    a line for each that was due
"""

import logging
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

from configs.beside import BesideConfig
from configs.runs import TrainJob
from shards.paths import AnyPath, StorePath
from trainers.evaluation.record import FOLDER, append_line, read_evaluations
from trainers.loop import folder, objects
from trainers.loop.manifests import list_checkpoints, step_of

WAITING = "waiting"
_POLL_S, _STORE_POLL_S = 0.5, 3.0
_NICENESS = 10

Measuring = Callable[[AnyPath], Future[dict[str, float]]]
"""Begins to measure the checkpoint in a folder."""

logger = logging.getLogger(__name__)


class Beside:
    """Measures a run's checkpoints while it is trained: use it as a context around the training.

    Leaving it waits for the last measurement where the run is finished, unless asked to stop.
    """

    def __init__(
        self,
        run_dir: AnyPath,
        every: int,
        last_step: int,
        begin: Measuring,
        stop: Callable[[], bool],
    ) -> None:
        """Prepare.

        Args:
            run_dir: Folder of the run.
            every: Steps between measurements.
            last_step: The run's last step, whose checkpoint is measured too.
            begin: Begins a measurement.
            stop: Tells whether the user wants the command to end.
        """
        self._run_dir, self._every, self._last_step = run_dir, every, last_step
        self._begin, self._stop = begin, stop
        self._waiting = run_dir / FOLDER / WAITING
        self._seen = {int(line["step"]) for line in self._lines()}
        self._running: tuple[AnyPath, Future[dict[str, float]]] | None = None
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="evaluation", daemon=True)

    def __enter__(self) -> Self:
        self._waiting.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while error is None and not self._stop() and self._has_more():
            self._thread.join(_POLL_S)
        self._left.set()
        self._thread.join()

    def _has_more(self) -> bool:
        """Return whether the finished run has a measurement that did not come back yet."""
        at_end = any(step_of(path) >= self._last_step for path in self._checkpoints())
        return at_end and self._thread.is_alive() and self._last_step not in self._seen

    def _watch(self) -> None:
        try:
            poll_s = _STORE_POLL_S if isinstance(self._run_dir, StorePath) else _POLL_S
            while not self._left.wait(poll_s):
                self._look()
        except Exception:
            logger.exception("evaluation beside training ended; the training goes on")

    def _look(self) -> None:
        """Take in what has come back, hold what is due, begin what can begin."""
        if self._running is not None and self._running[1].done():
            self._take_in(*self._running)
            self._running = None
        self._hold_due()
        held = list_checkpoints(self._waiting)
        if self._running is None and held:
            self._running = held[-1], self._begin(held[-1])

    def _hold_due(self) -> None:
        running = self._running[0] if self._running else None
        for path in self._checkpoints():
            if self._is_due(step_of(path)):
                hold(path, self._waiting)
        held = [path for path in list_checkpoints(self._waiting) if path != running]
        for path in held[:-1]:
            self._give_up(path, "a later checkpoint was due before this one had its turn")

    def _is_due(self, step: int) -> bool:
        known = self._seen | {step_of(path) for path in list_checkpoints(self._waiting)}
        newest = max(known, default=0)
        if step <= newest:
            return False
        return step // self._every > newest // self._every or step == self._last_step

    def _take_in(self, path: AnyPath, future: Future[dict[str, float]]) -> None:
        try:
            figures = future.result()
        except Exception as error:
            reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
            self._give_up(path, reason[0][:500])
            return
        self._note(path, figures)
        told = [f"{name} {value:.3f}" for name, value in figures.items() if name.endswith("_r10")]
        logger.info("step %d measured: %s", step_of(path), ", ".join(told))

    def _give_up(self, path: AnyPath, reason: str) -> None:
        logger.warning("step %d is not measured: %s", step_of(path), reason)
        self._note(path, {"skipped": reason})

    def _note(self, path: AnyPath, values: dict[str, float] | dict[str, str]) -> None:
        step = step_of(path)
        append_line(self._run_dir / folder.EVALUATIONS, "beside", step, values)
        # Only now: had the driver died before, the next one would find it here and measure it.
        objects.remove(path)
        self._seen.add(step)

    def _lines(self) -> list[dict]:
        return read_evaluations(self._run_dir / folder.EVALUATIONS, "beside")

    def _checkpoints(self) -> list[AnyPath]:
        return list_checkpoints(self._run_dir / folder.CHECKPOINTS)


def hold(checkpoint: AnyPath, waiting: AnyPath) -> None:
    """Give the files of a checkpoint a second name, which pruning does not take away.

    In a bucket it is copied: an object has one name.

    Does nothing where it is held, or was pruned before it could be.
    """
    if isinstance(checkpoint, StorePath) or isinstance(waiting, StorePath):
        _hold_in_store(checkpoint, waiting)
        return
    final, temporary = waiting / checkpoint.name, waiting / f"tmp-{checkpoint.name}"
    if final.exists():
        return
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        shutil.copytree(checkpoint, temporary, copy_function=_link)
    except (shutil.Error, FileNotFoundError):
        shutil.rmtree(temporary, ignore_errors=True)
        return
    temporary.rename(final)


def _hold_in_store(checkpoint: AnyPath, waiting: AnyPath) -> None:
    held = waiting / checkpoint.name
    if not isinstance(checkpoint, StorePath) or not isinstance(held, StorePath):
        raise TypeError("a checkpoint waits where its run lies")
    if (held / objects.MANIFEST).is_file():
        return
    try:
        objects.copy_below(checkpoint, held)
    except FileNotFoundError:
        held.delete_below()


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        # Not every file system has links.
        shutil.copyfile(source, target)


def watch(
    job: TrainJob, run_dir: AnyPath, stop: Callable[[], bool]
) -> AbstractContextManager[object]:
    """Return a context that measures a run's checkpoints as its settings say, on a started Ray."""
    config = job.evaluation
    if not config.every:
        return nullcontext()
    begin = measure_on_ray(config, run_dir, job.training.torch_threads)
    return Beside(run_dir, config.every, job.training.steps, begin, stop)


def measure_on_ray(config: BesideConfig, run_dir: AnyPath, threads: int) -> Measuring:
    """Return what measures a checkpoint in a Ray task; Ray must have been started."""
    import ray

    # A process keeps its low priority, so it must never become one of training's workers.
    options = {"num_cpus": 0, "num_gpus": config.gpus, "max_calls": 1, "max_retries": 1}
    task = ray.remote(**options)(_measure)

    def begin(checkpoint: AnyPath) -> Future[dict[str, float]]:
        return task.remote(config, run_dir, checkpoint, threads).future()

    return begin


def _measure(
    config: BesideConfig, run_dir: AnyPath, checkpoint: AnyPath, threads: int
) -> dict[str, float]:
    os.nice(_NICENESS)
    if not config.gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch

    from trainers.evaluation.run import evaluate_checkpoint

    torch.set_num_threads(threads)
    return evaluate_checkpoint(config, run_dir, checkpoint)[1]
