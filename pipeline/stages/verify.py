"""`weakvid verify`: proof that an output folder is whole."""

from pipeline.console import say
from shards.manifest import Manifest
from shards.verify import verify

EXIT_OK, EXIT_FAILED = 0, 1


def run(folder: str, quick: bool = False, decode: int | None = 3) -> int:
    """Check every byte of the shards in a folder; return the exit code."""
    out = folder
    problems = verify(out, num_decoded=0 if quick or decode is None else decode)
    for problem in problems:
        say(problem)
    if problems:
        say(f"{len(problems)} problems in {out}")
        return EXIT_FAILED
    totals = Manifest.load(out).totals
    say(
        f"{out} is whole: {totals['shards']} shards, {totals['written']} samples, "
        f"planned {totals['planned']} = written {totals['written']} + "
        f"rejected {totals['rejected']}"
    )
    return EXIT_OK
