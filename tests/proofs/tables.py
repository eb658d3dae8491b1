"""Tables of small runs on the demo corpus: the corpus, its shards, and the program that fills one.

What is in a folder already (videos, shards, finished runs) is not made again, so a proof that takes
long can be had in parts.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import builds

from benchmarks.small_runs import RESULT

ROOT = Path(__file__).resolve().parents[2]


class Table(NamedTuple):
    """The figures of every run, by arm, in order of seed."""

    arms: dict[str, list[dict]]
    found_finished: int
    """Runs that an earlier, stopped proof had finished."""


def fill(name: str, work: Path, steps: int, seeds: int) -> Table:
    """Run benchmarks/NAME.py in a folder to its end."""
    videos, shards, out = work / "videos", work / "shards", work / "runs"
    log = work / "log"
    if not (videos / "truth" / "corpus.json").is_file():
        made = builds.weakvid("demo-corpus", "--out", str(videos))
        assert builds.finish(made, log, ROOT) == 0, log.read_text()[-3000:]
    if not (shards / "manifest.json").is_file():
        words = ["--preset", "demo", "--sources.path", str(videos), "--shards.out", str(shards)]
        made = builds.weakvid("shards", *words)
        assert builds.finish(made, log, ROOT) == 0, log.read_text()[-3000:]
    found_finished = len(list(out.glob(f"*/{RESULT}")))
    command = [sys.executable, "-m", f"benchmarks.{name}", str(out), "--shards", str(shards)]
    command += ["--videos", str(videos), "--steps", str(steps), "--seeds", str(seeds)]
    subprocess.run(command, check=True, cwd=ROOT)
    found = json.loads((out / f"{name}.json").read_text())
    arms = {arm["name"]: [run["figures"] for run in arm["runs"]] for arm in found["arms"]}
    return Table(arms, found_finished)


def over_seeds(runs: list[dict], key: str) -> tuple[float, float]:
    """Return mean and sample deviation of a figure."""
    values = [run[key] for run in runs]
    return statistics.fmean(values), statistics.stdev(values)


def percent(pair: tuple[float, float]) -> str:
    """Write a mean with its deviation."""
    return f"{100 * pair[0]:.1f} % ± {100 * pair[1]:.1f}"
