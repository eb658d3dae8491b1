"""Verb `demo-corpus`: write the little narrated videos that everything can be tried on."""

import sys
from pathlib import Path

from tqdm_loggable.auto import tqdm

from configs.demo_corpus import DemoCorpusConfig
from pipeline.demo.corpus import build_corpus


def run(config: DemoCorpusConfig) -> int:
    """Write the corpus and return the exit code."""
    with tqdm(total=config.videos, desc="demo corpus", unit="video", file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        build_corpus(config, on_video=show)
    print(f"demo corpus: {config.videos} videos with captions in {Path(config.out)}")
    return 0


def plan_text(config: DemoCorpusConfig) -> str:
    """Say what `run` would write."""
    return (
        f"plan: {config.videos} videos of {config.steps_per_video} steps, seed {config.seed}, "
        f"drawn by {config.workers} processes into {config.out}"
    )
