"""How long the model waits for its clips, what a clip costs, and how long a seek takes.

    python -m benchmarks.loader [--shards data/demo/shards] [--steps 20] [--workers 1 2]

wait    Share of a step in which the model waits for data, demo preset, in plain gloo processes;
        with clips decoded at each use (cache off) and kept (cache on). Bar: 5 %.
clips   CPU of a clip in training's reader, checks and augmentation included, beside `plain`:
        webdataset reading the tars in order, and the same decoder, resize and crop without checks.
seek    From nothing to the batch behind 100,000 samples, over ten million rows: the order alone;
        and the first batch itself, decoded, of a loader that begins there. Bar: 1 s.
check   Hashing the shards before their first use, and once more, when the notes are there.

Exit code 1 if a bar is missed.
"""

import argparse
import itertools
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import webdataset as wds

from configs.runs import TrainJob
from pipeline.settings.load import resolve
from shards.clipcodec import decode_clip
from shards.order import EpochOrder
from trainers.data.clips import augment
from trainers.data.corpus import Corpus
from trainers.data.loader import Loader
from trainers.data.mixture import train_order
from trainers.data.reader import ClipReader, train_texts
from trainers.data.shelf import Shelf
from trainers.data.tokenizer import Tokenizer, train_tokenizer
from trainers.loop import folder
from trainers.loop.metrics import read_metrics
from trainers.loop.prepare import begin_attempt, prepare

MOST_WAIT = 0.05
MOST_SEEK_S = 1.0
SKIPPED = 100_000


def demo_job(shards: str, root: Path, *flags: str) -> TrainJob:
    """Return the demo preset over some shards, undisturbed by checkpoints and validation."""
    quiet = ["--training.checkpoint_every", "100000", "--training.validate_every", "100000"]
    where = ["--preset", "demo", "--data.shards", shards, "--run.root", str(root)]
    job = resolve("train", [*where, *quiet, *flags], "benchmark").job
    assert isinstance(job, TrainJob)
    return job


def wait(shards: str, workers: int, cache_gib: float, steps: int, first: int) -> bool:
    """Train some steps; show how much of all behind the `first` ones went into waiting."""
    with tempfile.TemporaryDirectory() as root:
        flags = {"training.workers": workers, "training.steps": steps, "data.cache_gib": cache_gib}
        words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
        preparation = prepare(demo_job(shards, Path(root), *words))
        assignment = Path(root) / "assignment"
        assignment.write_bytes(pickle.dumps(begin_attempt(preparation, workers)))
        command = [sys.executable, "-m", "benchmarks.processes", str(assignment), str(workers)]
        subprocess.run(command, check=True)
        lines = read_metrics(preparation.run_dir / folder.METRICS)
    lines = [line for line in lines if "train/data_wait" in line][first:]
    times = [(line["train/data_wait"], line["train/step_s"]) for line in lines]
    seconds = sum(step_s for _, step_s in times)
    share = sum(share * step_s for share, step_s in times) / seconds
    kept = "on" if cache_gib else "off"
    print(
        f"wait    {workers} workers, cache {kept:3}  {100 * share:5.2f} % of a step of "
        f"{1000 * seconds / len(times):.0f} ms"
    )
    return share <= MOST_WAIT


def clips(job: TrainJob, reader: ClipReader, rows: np.ndarray) -> None:
    """Show the CPU of a clip beside the plain way."""
    plain_s = _cpu(_plain(job, len(rows)))
    ours_s = _cpu(reader.example(int(row), int(row)) for row in rows)
    print(
        f"clips   {1000 * ours_s / len(rows):.2f} ms of CPU a clip, plain "
        f"{1000 * plain_s / len(rows):.2f} ms: {ours_s / plain_s:.2f} of it"
    )


def _plain(job: TrainJob, count: int) -> Iterator[np.ndarray]:
    tars = sorted(str(path) for path in Path(job.data.shards).glob("*.tar"))
    for sample in itertools.islice(wds.WebDataset(tars, shardshuffle=False), count):
        yield augment(decode_clip(sample["mp4"], job.data.decoder), job.data, None)


def _cpu(made: Iterator[object]) -> float:
    began = time.process_time()
    for _ in made:
        pass
    return time.process_time() - began


def seek(job: TrainJob, reader: ClipReader, corpus: Corpus) -> bool:
    """Show how long it takes to begin behind many samples."""
    shards = np.repeat(np.arange(25_000, dtype=np.int32), 400)
    began = time.perf_counter()
    order = EpochOrder(len(shards), job.training.global_batch, 0, shards=shards)
    made = time.perf_counter()
    order.batch(SKIPPED // job.training.global_batch)
    drawn = time.perf_counter()
    mixture = train_order(job, corpus)
    step = SKIPPED // job.training.global_batch
    again = time.perf_counter()
    loader = Loader(reader, mixture, 0, job.data)
    next(loader.batches(iter([(step, 0)]), job.training.virtual_ranks))
    first = time.perf_counter()
    loader.close()
    print(
        f"seek    behind {SKIPPED} samples of 10^7: order {1000 * (drawn - made):.1f} ms "
        f"(and {1000 * (made - began):.0f} ms once), first batch of the demo decoded "
        f"{first - again:.2f} s"
    )
    return drawn - began + first - again <= MOST_SEEK_S


def check(job: TrainJob, corpus: Corpus) -> None:
    """Show what checking the shards costs, first and again."""
    with tempfile.TemporaryDirectory() as notes:
        seconds = []
        for _ in range(2):
            shelf = Shelf(job.data.model_copy(update={"copies": notes}), corpus)
            began = time.perf_counter()
            for number in range(corpus.num_shards):
                shelf.prepare(number)
            seconds.append(time.perf_counter() - began)
    num_bytes = sum(corpus.shard(number).bytes for number in range(corpus.num_shards))
    print(
        f"check   {corpus.num_shards} shards, {num_bytes / 2**20:.0f} MiB: {seconds[0]:.3f} s "
        f"({num_bytes / seconds[0] / 1e9:.2f} GB/s), again {seconds[1]:.3f} s"
    )


def main() -> int:
    """Measure and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shards", default="data/demo/shards")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    options = parser.parse_args()
    torch.set_num_threads(1)
    job = demo_job(options.shards, Path("runs"), "--data.cache_gib", "0")
    corpus = Corpus.load(job.data)
    tokenizer = Tokenizer(train_tokenizer(train_texts(corpus), job.model.text.vocabulary))
    reader = ClipReader(job.data, corpus, tokenizer, 5, job.model.text.max_words)
    check(job, corpus)
    clips(job, reader, corpus.rows_of_split("train")[:300])
    passed = [seek(job, reader, corpus)]
    for workers in options.workers:
        # The first steps wait for the first clips, which nobody could have read ahead.
        passed.append(wait(options.shards, workers, 0.0, options.steps, 2))
        # All clips are kept after an epoch.
        epoch = train_order(job, corpus).steps_per_epoch
        passed.append(wait(options.shards, workers, 1.0, epoch + options.steps, epoch + 2))
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
