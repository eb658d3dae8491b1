"""`weakvid verify`: proof that an output folder is whole."""

from tqdm_loggable.auto import tqdm

from pipeline.console import say
from pipeline.tasks.plancheck import plan_problems
from shards.manifest import Manifest
from shards.verify import NUM_DECODED, verify

EXIT_OK, EXIT_FAILED = 0, 1


def run(folder: str, quick: bool = False, decode: int | None = NUM_DECODED) -> int:
    """Check the shards in a folder, with a bar while it lasts; return the exit code.

    Args:
        folder: A folder written by `weakvid shards`.
        quick: Read no byte of a tar.
        decode: Samples of each tar that are decoded; None for all.
    """
    with tqdm(unit="B", unit_scale=True, unit_divisor=1024, desc="verify", leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        problems = verify(folder, num_decoded=decode, quick=quick, on_bytes=show)
    problems += [one for one in plan_problems(folder) if one not in problems]
    for problem in problems:
        say(problem)
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        say(f"{len(problems)} {noun} in {folder}")
        return EXIT_FAILED
    totals = Manifest.load(folder).totals
    say(
        f"{folder} is whole: {totals['shards']} shards, {totals['written']} samples, "
        f"planned {totals['planned']} = written {totals['written']} + "
        f"rejected {totals['rejected']}"
    )
    say(_depth(totals["shards"], quick, decode))
    return EXIT_OK


def _depth(num_shards: int, quick: bool, decode: int | None) -> str:
    """Return what was looked at, and what was not."""
    if quick:
        return "quick: names, sizes, records and tables; no byte of a tar was read"
    count = "all samples" if decode is None else f"{decode} samples of each of {num_shards} shards"
    return f"every byte was read; {count} were decoded"
