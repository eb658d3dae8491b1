"""Before the workers start: may the run go on, from where, and what do they need on disk?"""

import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from configs.runs import TrainJob
from shards.paths import AnyPath
from shards.storage import write_atomic
from trainers.data.reader import train_texts
from trainers.data.tokenizer import Tokenizer
from trainers.loop import attempts, folder, metrics
from trainers.loop.branch import begin_branch
from trainers.loop.checkpoint import choose_checkpoint, remove_leftovers
from trainers.loop.desk import bring_leftovers, desk_folder
from trainers.loop.heartbeat import read_heartbeats
from trainers.loop.manifests import attempt_of, list_checkpoints
from trainers.loop.outlook import Outlook, look_ahead
from trainers.weights.begin import first_tokenizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What every worker of an attempt is told. Plain values: it travels to other machines."""

    job: TrainJob
    run_dir: str
    attempt: int
    checkpoint: str | None
    """Folder of the verified checkpoint to go on from."""

    manifest_sha256: str
    tokenizer_sha256: str


@dataclass(frozen=True, slots=True)
class Preparation:
    """A run that may begin or go on."""

    job: TrainJob
    run_dir: AnyPath
    manifest_sha256: str
    tokenizer_sha256: str


def prepare(job: TrainJob) -> Preparation:
    """Check the job against the shards and the run's past; write settings and tokenizer.

    Raises:
        ValueError: If the shards cannot serve the job, or settings, shards, code or tokenizer are
            not those that the run was begun with.
    """
    outlook = look_ahead(job)
    job, run_dir, corpus = outlook.job, outlook.run_dir, outlook.corpus
    _tell(outlook)
    if outlook.source is not None:
        begin_branch(outlook.source, job, run_dir, corpus.sha256)
    run_dir.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(outlook)
    folder.write_config(run_dir, job)
    folder.write_environment(
        run_dir,
        workers=job.training.workers,
        manifest_sha256=corpus.sha256,
        tokenizer_sha256=tokenizer.sha256,
        vocabulary=tokenizer.vocabulary,
    )
    return Preparation(job, run_dir, corpus.sha256, tokenizer.sha256)


def _tell(outlook: Outlook) -> None:
    """Say what goes on otherwise than it began, in the log and in that of attempts."""
    if outlook.schedule:
        logger.info("%s", outlook.schedule)
    if outlook.last is not None and outlook.overridden:
        changed = [*outlook.overridden]
        logger.warning("going on though these differ:\n  %s", "\n  ".join(changed))
        attempt, step = _newest_number(outlook.run_dir), outlook.last.step
        attempts.append_event(outlook.run_dir, attempt, "override", step=step, changed=changed)


def begin_attempt(preparation: Preparation, workers: int) -> Assignment:
    """Open a new attempt: fence older ones, choose the checkpoint, cut the metrics back to it."""
    run_dir = preparation.run_dir
    attempt = _newest_number(run_dir) + 1
    bring_leftovers(run_dir)
    # The fence comes first: after this line no older attempt commits a checkpoint.
    attempts.append_event(run_dir, attempt, "begin", workers=workers)
    for asked in (folder.STOP, folder.GROW):
        (run_dir / asked).unlink(missing_ok=True)
    remove_leftovers(run_dir / folder.CHECKPOINTS)
    last, damaged = choose_checkpoint(run_dir / folder.CHECKPOINTS)
    for reason in damaged:
        logger.warning("checkpoint is damaged, the one before it is taken: %s", reason)
        attempts.append_event(run_dir, attempt, "damaged", reason=reason)
    step = 0 if last is None else last.step
    seen = _seen_unix_s(run_dir, attempt - 1)
    lost = metrics.cut_back(run_dir / folder.METRICS, step, attempt)
    attempts.append_event(
        run_dir, attempt, "resume", from_step=step, lost_steps=lost, seen_unix_s=seen
    )
    if step or lost:
        logger.info("going on from step %d; %d steps after it are done again", step, len(lost))
    return Assignment(
        preparation.job,
        str(run_dir),
        attempt,
        None if last is None else str(last.path),
        preparation.manifest_sha256,
        preparation.tokenizer_sha256,
    )


def _seen_unix_s(run_dir: AnyPath, attempt: int) -> float | None:
    """Return the last sign of an attempt, which may have been killed."""
    if isinstance(run_dir, Path):
        return metrics.last_written_unix_s(run_dir / folder.METRICS)
    beats = read_heartbeats(run_dir, attempt)
    return max((beat["unix_s"] for beat in beats), default=None)


def newest_step(run_dir: AnyPath) -> int:
    """Return the step of the newest whole checkpoint, 0 before the first."""
    last, _ = choose_checkpoint(run_dir / folder.CHECKPOINTS)
    return 0 if last is None else last.step


def _newest_number(run_dir: AnyPath) -> int:
    """Return the number of the newest attempt, by all that attempts leave behind.

    A log that is lost must not let a number come again: a writer of that number may be alive, and
    Ray's state under its name may be torn.
    """
    return max([attempts.newest_attempt(run_dir), *_numbers_left(run_dir)])


def _numbers_left(run_dir: AnyPath) -> Iterator[int]:
    places = [(run_dir, folder.LOGS), (run_dir, folder.HEARTBEATS)]
    for base, name in [*places, (desk_folder(run_dir), folder.RAY)]:
        for path in (base / name).glob("*attempt-*"):
            if found := re.search(r"attempt-(\d+)", path.name):
                yield int(found[1])
    for path in list_checkpoints(run_dir / folder.CHECKPOINTS):
        if attempt := attempt_of(path):
            yield attempt


def _tokenizer(outlook: Outlook) -> Tokenizer:
    path = outlook.run_dir / folder.TOKENIZER
    if outlook.last is not None or outlook.source is not None:
        return Tokenizer(path.read_bytes())
    began = time.monotonic()
    model = first_tokenizer(outlook.job.model, lambda: train_texts(outlook.corpus))
    write_atomic(str(path), model)
    tokenizer = Tokenizer(model)
    seconds = time.monotonic() - began
    logger.info("vocabulary of %d ids made in %.1f s", tokenizer.vocabulary, seconds)
    return tokenizer
