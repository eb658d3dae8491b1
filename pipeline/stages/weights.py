"""`weakvid weights`: a file of weights into a run that has not begun, a run into such a file."""

import logging
from pathlib import Path

from configs.runs import TrainJob
from shards.paths import any_path
from shards.storage import sha256_of, write_atomic
from trainers.loop import folder
from trainers.loop.outlook import absolute
from trainers.loop.run import load_run
from trainers.weights.begin import TOKENIZER, WEIGHTS, tower_state, write_folder
from trainers.weights.files import layout_of, read_weights, write_weights
from trainers.weights.names import TEXT
from trainers.weights.settings import settings_of
from trainers.weights.vocabulary import fit_vocabulary, vocabulary_beside

logger = logging.getLogger(__name__)


def run_import(file: str, tokenizer: str, job: TrainJob) -> int:
    """Make the run folder `job.run` that holds a file's weights and no steps; return the exit code.

    `weakvid evaluate` works on it as it is, and other runs begin with it (`model.weights`).

    Args:
        file: File of weights, see `trainers.weights.files`.
        tokenizer: Its vocabulary; empty: the one beside it.
        job: Settings of the run; those of the towers are taken from the file.

    Raises:
        ValueError: If the file is none of weights of S3D-G with its text tower, the vocabulary is
            not theirs, or the folder is there already.
        FileNotFoundError: If a file is missing.
    """
    path, run_dir = Path(file), folder.run_folder(job.run)
    if not isinstance(run_dir, Path):
        raise ValueError(f"run.root must be a folder to import weights into, got {run_dir.parent}")
    if run_dir.exists():
        raise ValueError(f"run.name must be new, got {run_dir}; choose another")
    state, stored = read_weights(path)
    model = settings_of(state, stored)
    vocabulary = Path(tokenizer) if tokenizer else vocabulary_beside(path)
    words, note = fit_vocabulary(vocabulary.read_bytes(), len(state[f"{TEXT}word_embd.weight"]))
    if note:
        logger.warning("%s: %s", vocabulary, note)
    begun = {"video": model.video, "text": model.text, "weights": str(run_dir)}
    job = job.model_copy(update={"model": job.model.model_copy(update=begun)})
    write_folder(run_dir, state, model, words)
    folder.write_config(run_dir, absolute(job))
    parameters = sum(t.numel() for name, t in state.items() if _is_parameter(name))
    print(f"read      {path}, sha256 {sha256_of(str(path))}")
    print(f"weights   {len(state)} tensors, {parameters:,} parameters: {run_dir / WEIGHTS}")
    print(f"words     {len(state[f'{TEXT}word_embd.weight']):,} ids: {run_dir / TOKENIZER}")
    place = f"--run.root {run_dir.parent} --run.name {job.run.name}"
    print(f"evaluate  weakvid evaluate --preset paper {place}")
    print(f"train on  weakvid train --config {run_dir / folder.CONFIG} --run.name NEW")
    return 0


def run_export(run: str, out: str) -> int:
    """Write the towers of a run's newest checkpoint, and its vocabulary beside; return 0.

    Args:
        run: Folder of the run.
        out: File to write; its end decides the layout, see `trainers.weights.files`.

    Raises:
        ValueError: If the run has no checkpoint, or its towers have no place in the layout.
    """
    path, run_dir = Path(out), any_path(run)
    layout = layout_of(path)
    job, model, _, step = load_run(run_dir)
    state = tower_state(model)
    if layout != "ours":
        # The authors' code knows one model; a file that it cannot load would be of no use.
        settings_of(state, None)
    tokenizer = (run_dir / folder.TOKENIZER).read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    vocabulary = vocabulary_beside(path, tokenizer)
    write_atomic(str(vocabulary), tokenizer)
    write_weights(path, state, job.model)
    print(f"wrote     {path}: {len(state)} tensors of step {step}, layout {layout}")
    print(f"words     {vocabulary}")
    if model.translator is not None:
        print("left out  the translator: it has no place beside the towers")
    if layout != "ours" and job.model.text.pads == "masked":
        print("beware    pads were masked in training; the authors' code counts them as words")
    return 0


def _is_parameter(name: str) -> bool:
    return not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
