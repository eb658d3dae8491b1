"""What the cyclic objective costs: a co-learning step beside a MIL-NCE step of the same batch.

    python -m benchmarks.colearning_step [--shards data/demo/shards] [--steps 100] [--only NAME]

Demo preset, one worker, all virtual ranks in this process. The batches of the first steps are read
once; then all ways take each of them in turn, and go on learning, so that no way has a quieter
machine than another. Prints for each way the median of CPU seconds and of wall seconds of a step,
and the median over steps of its ratio to MIL-NCE alone. Steps that look at each objective's own
gradient (every `training.gradients_every`) are among them; the mean has their share.

Exit code 1 if the demo preset's own co-learning step takes more than 1.3 times as long.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence

import torch

from benchmarks.loader import demo_job
from configs.objectives import CyclicConfig
from configs.runs import TrainJob
from trainers.data.batch import Batch
from trainers.data.corpus import Corpus
from trainers.data.loader import Loader
from trainers.data.mixture import train_order
from trainers.data.reader import ClipReader, train_texts
from trainers.data.tokenizer import Tokenizer, train_tokenizer
from trainers.loop.fresh import fresh_model, measure_targets
from trainers.loop.step import TrainStep

MOST = 1.3
ALONE, PRESET = "MIL-NCE alone", "the preset"
BOTH_WAYS = ("video->words", "words->video")
WAYS: dict[str, dict[str, object]] = {
    ALONE: {"weight": 0.0},
    PRESET: {},
    "soft": {"target_window": "soft"},
    "words->video": {"directions": ("words->video",)},
    "video->audio": {"directions": ("video->audio",)},
    "both ways": {"directions": BOTH_WAYS},
    "both ways, soft": {"directions": BOTH_WAYS, "target_window": "soft"},
    "both ways, and audio->video": {"directions": (*BOTH_WAYS, "audio->video")},
}
NUM_BATCHES = 8
WARM_UP = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", default="data/demo/shards")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--only", nargs="+", choices=list(WAYS), default=list(WAYS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        job = demo_job(options.shards, root)
    torch.set_num_threads(job.training.torch_threads)
    batches, vocabulary = read_batches(job)
    names = list(dict.fromkeys([ALONE, PRESET, *options.only]))
    steps = {name: prepare(with_cyclic(job, name), batches[0], vocabulary) for name in names}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(WARM_UP + options.steps):
        for name, step in steps.items():
            cpu, wall = time.process_time(), time.perf_counter()
            step.run(number, batches[number % len(batches)])
            taken[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    kept = {name: times[WARM_UP:] for name, times in taken.items()}
    sys.exit(report(kept))


def with_cyclic(job: TrainJob, name: str) -> TrainJob:
    """Return the job of a way; some settings of its cyclic objective differ."""
    cyclic = job.objectives.cyclic.model_dump() | WAYS[name]
    objectives = job.objectives.model_copy(update={"cyclic": CyclicConfig.model_validate(cyclic)})
    return job.model_copy(update={"objectives": objectives})


def read_batches(job: TrainJob) -> tuple[list[list[Batch]], int]:
    """Return the micro-batches of the first steps, with sound, and the size of the vocabulary."""
    corpus = Corpus.load(job.data)
    tokenizer = Tokenizer(train_tokenizer(train_texts(corpus), job.model.text.vocabulary))
    bag = job.objectives.mil_nce.candidates, job.model.text.max_words
    reader = ClipReader(job.data, corpus, tokenizer, *bag, with_sound=True)
    loader = Loader(reader, train_order(job, corpus), job.training.seed, job.data)
    ranks = job.training.virtual_ranks
    places = [(step, rank) for step in range(NUM_BATCHES) for rank in range(ranks)]
    try:
        flat = list(loader.batches(iter(places), ranks))
    finally:
        loader.close()
    return [flat[n : n + ranks] for n in range(0, len(flat), ranks)], tokenizer.vocabulary


def prepare(job: TrainJob, batches: Sequence[Batch], vocabulary: int) -> TrainStep:
    """Return the steps of a fresh model that has measured its targets."""
    model = fresh_model(job, vocabulary)
    measure_targets(model, batches)
    return TrainStep(job, model)


def report(taken: dict[str, list[tuple[float, float]]]) -> int:
    """Print the table; return 1 where the preset takes too long."""
    print(f"{'way':28s} {'CPU ms':>7s} {'wall ms':>8s} {'x CPU':>6s} {'x wall':>7s} {'x mean':>7s}")
    ratios = {}
    for name, times in taken.items():
        pairs = list(zip(times, taken[ALONE], strict=True))
        medians = [statistics.median(one[kind] for one in times) for kind in (0, 1)]
        by = [statistics.median(one[kind] / other[kind] for one, other in pairs) for kind in (0, 1)]
        mean = sum(one[0] for one in times) / sum(one[0] for one in taken[ALONE])
        ratios[name] = max(by[0], mean)
        print(
            f"{name:28s} {1e3 * medians[0]:7.1f} {1e3 * medians[1]:8.1f} {by[0]:6.2f} "
            f"{by[1]:7.2f} {mean:7.2f}"
        )
    met = ratios[PRESET] <= MOST
    print(f"bar: {PRESET} at most {MOST} times {ALONE}, CPU: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    main()
