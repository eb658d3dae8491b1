"""What a run would begin or go on with, and every reason why it may not. Writes nothing."""

from dataclasses import dataclass
from pathlib import Path

from configs.runs import TrainJob
from shards import storage
from shards.paths import AnyPath
from trainers.data.corpus import Corpus
from trainers.data.mixture import Mixture, train_order
from trainers.data.tokenizer import Tokenizer
from trainers.loop import folder
from trainers.loop.branch import Source, find_source
from trainers.loop.checkpoint import Checkpoint, choose_checkpoint
from trainers.loop.goon import describe_schedule, go_on
from trainers.weights.begin import refuse_missing_weights


@dataclass(frozen=True, slots=True)
class Outlook:
    """A run as a driver would train it now."""

    job: TrainJob
    """Paths are absolute, and what a run keeps for good is as it began with."""

    run_dir: AnyPath
    corpus: Corpus
    order: Mixture
    last: Checkpoint | None
    """The newest whole checkpoint of the run, none before its first."""

    source: Source | None
    """What a run without checkpoints branches from, where it does."""

    overridden: tuple[str, ...] = ()
    """What differs from the run's past, and bends its curve."""

    schedule: str = ""
    """How the learning rate goes on, where the run has other steps than it was begun with."""

    @property
    def begin(self) -> int:
        """Finished steps with which the run goes on, or begins."""
        source = None if self.source is None else self.source.checkpoint
        checkpoint = self.last or source
        return 0 if checkpoint is None else checkpoint.step


def look_ahead(job: TrainJob) -> Outlook:
    """Check a job against the shards and the run's past.

    Raises:
        ValueError: If the shards cannot serve the job, settings, shards, code or tokenizer are not
            those that the run was begun with, or it cannot begin with what is asked for.
        FileNotFoundError: If there is no vocabulary where one is to begin with.
        RuntimeError: If every checkpoint of the run is damaged.
    """
    job = absolute(job)
    run_dir = folder.run_folder(job.run)
    corpus = Corpus.load(job.data)
    order = train_order(job, corpus)
    if job.checkpoints.best and not len(corpus.rows_of_split("val")):
        raise ValueError(
            f"checkpoints.best must be empty, got {job.checkpoints.best}: there is nothing to "
            f"validate on, the val split of {corpus.folders} has no clip"
        )
    last, _ = choose_checkpoint(run_dir / folder.CHECKPOINTS)
    if last is not None:
        return _going_on(job, run_dir, corpus, order, last)
    source = find_source(job) if job.checkpoints.branch else None
    if source is None:
        refuse_missing_weights(job.model)
    return Outlook(job, run_dir, corpus, order, None, source)


def _going_on(
    job: TrainJob, run_dir: AnyPath, corpus: Corpus, order: Mixture, last: Checkpoint
) -> Outlook:
    before = last.manifest["manifest_sha256"]
    line = f"manifest: {before[:12]} -> {corpus.sha256[:12]} in {corpus.folders}"
    steps = last.job()["training"]["steps"]
    job, overridden = go_on(last, job, [line] if before != corpus.sha256 else [])
    _refuse_another_tokenizer(run_dir / folder.TOKENIZER, last)
    schedule = "" if steps == job.training.steps else describe_schedule(job, last.step)
    return Outlook(job, run_dir, corpus, order, last, None, tuple(overridden), schedule)


def _refuse_another_tokenizer(path: AnyPath, last: Checkpoint) -> None:
    model = path.read_bytes() if path.exists() else b""
    if not model or Tokenizer(model).sha256 != last.manifest["tokenizer_sha256"]:
        raise ValueError(
            f"{path} must be the tokenizer that the run was begun with, got "
            f"{'another' if model else 'none'}; restore it, or choose another run.name"
        )


def absolute(job: TrainJob) -> TrainJob:
    """Return the job with paths that hold in every working directory."""
    folders = [
        str(Path(one).absolute()) if one and "://" not in one else one for one in job.data.folders()
    ]
    data = job.data.model_copy(update={"shards": folders[0], "mix": tuple(folders[1:])})
    run = job.run.model_copy(update={"root": storage.absolute(job.run.root)})
    weights = job.model.weights and str(Path(job.model.weights).absolute())
    model = job.model.model_copy(update={"weights": weights})
    return job.model_copy(update={"data": data, "run": run, "model": model})
