"""The command that the proofs of exactly-once run, and the environment that it runs in."""

import os
import sys
from pathlib import Path

import kills


def weakvid(*words: str) -> list[str]:
    return [sys.executable, "-m", "pipeline.cli", *words]


def shards(source: Path, out: Path | str, *more: str) -> list[str]:
    # Much to do in a short video, so that there is time to be killed in.
    return weakvid(
        *("shards", "--sources.path", str(source), "--shards.out", str(out)),
        *("--clips.stride-s", "0.8", "--clips.short-side", "96"),
        *("--shards.sources-per-bundle", "2", *more),
    )


def environment(root: Path) -> dict[str, str]:
    """The code that is tested comes before what is installed, in Ray's workers too."""
    return {"PYTHONPATH": os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])}


def finish(command: list[str], log: Path, root: Path, **more: str) -> int:
    """Run a command to its end; return its exit code."""
    with kills.Run(command, log, environment(root) | more) as run:
        code = run.wait(kills.RUN_S)
    assert code is not None, log.read_text()[-2000:]
    return code
