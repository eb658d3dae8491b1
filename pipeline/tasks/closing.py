"""What a build says at its end, and the exit code that it earns."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from pipeline.console import say
from shards import storage
from shards.manifest import REJECTS, Manifest, iter_rejects

logger = logging.getLogger(__name__)

EXIT_OK, EXIT_TOO_MANY_REJECTS = 0, 3
NUM_TOP_CODES = 8
NUM_LOOKED_THROUGH = 10_000
"""Rejects among which examples are looked for: there may be millions."""


def conclude(manifest: Manifest, num_built: int, max_reject: float) -> int:
    """Print the totals of a build; return the exit code.

    Args:
        manifest: What stands in the output folder.
        num_built: Bundles that this run built.
        max_reject: Share of rejected videos above which the exit code is 3.
    """
    out, totals = manifest.out, manifest.totals
    num_listed, num_rejected = totals["sources"], totals["videos_rejected"]
    say(
        f"clips     planned {totals['planned']} = written {totals['written']} + "
        f"rejected {totals['rejected']}"
    )
    say(
        f"videos    {num_listed} listed: {totals['videos_written']} gave clips, "
        f"{num_rejected} are rejected"
    )
    say(f"rejects   {codes_text(totals['codes']) or 'none'}")
    say(f"bundles   {num_built} built, {totals['bundles'] - num_built} skipped")
    say(f"shards    {totals['shards']} tars, {totals['bytes'] / 2**20:.1f} MiB in {out}")
    first = islice(iter_rejects(out), NUM_LOOKED_THROUGH)
    for row in islice(_lost_sources(first), NUM_TOP_CODES):
        logger.info("%s %s: %s", row["code"], row["source"], row["detail"])
    if num_rejected > max_reject * num_listed:
        logger.error(
            "%d of %d videos are rejected, more than shards.max_reject allows (%.2f); see %s",
            num_rejected,
            num_listed,
            max_reject,
            storage.join(out, REJECTS),
        )
        return EXIT_TOO_MANY_REJECTS
    return EXIT_OK


def codes_text(codes: Mapping[str, int]) -> str:
    """Return the most frequent codes with their counts."""
    top = Counter(dict(codes)).most_common(NUM_TOP_CODES)
    return ", ".join(f"{code} {count}" for code, count in top)


def _lost_sources(rejects: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (row for row in rejects if row["t0_s"] is None)
