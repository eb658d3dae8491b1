"""What was found -> a listing: in one order, each id once, nothing empty or too large."""

from collections.abc import Iterable
from typing import Any

from configs.sources import LimitsConfig
from pipeline.listing.source import Listing, ListingError, SourceFile, check_id, refused_row

MAX_NAMED = 5
"""Ids that a notice names."""


def settle(
    found: Iterable[SourceFile],
    rejects: Iterable[dict[str, Any]],
    notices: Iterable[str],
    limits: LimitsConfig,
) -> Listing:
    """Return the listing of what was found; the order of finding decides nothing.

    Args:
        found: Sources with their sizes, -1 where they are not known.
        rejects: What is none.
        notices: Lines for the listing.
        limits: Largest file that is taken.
    """
    listing = Listing(rejects=list(rejects), notices=list(notices))
    last = ""
    for source in sorted(found, key=_rank):
        try:
            check_id(source.video_id)
            if source.video_id == last:
                raise ListingError("E_DUPID", "another source has this id")
            last = source.video_id
            _check_size(source.bytes, limits)
        except ListingError as refused:
            listing.rejects.append(refused_row(source.video_id, refused, source.name))
        else:
            listing.sources.append(source)
    listing.rejects.sort(key=lambda row: (row["video_id"], row["source"], row["code"]))
    listing.notices.extend(_case_collisions(listing.sources))
    return listing


def _rank(source: SourceFile) -> tuple[str, str, str, tuple[float, float], str]:
    return (
        source.video_id, source.video, source.captions, source.interval or (0, 0), source.extra
    )  # fmt: skip


def _check_size(num_bytes: int, limits: LimitsConfig) -> None:
    if not num_bytes:
        raise ListingError("E_EMPTY", "the file has no bytes")
    if num_bytes > limits.file_bytes:
        raise ListingError(
            "E_HUGE",
            f"{num_bytes} bytes, at most {limits.file_bytes} (sources.limits.file_bytes)",
        )


def _case_collisions(sources: Iterable[SourceFile]) -> list[str]:
    """Tell of ids that a store without small letters would take for one. Ours are hashed."""
    seen: set[str] = set()
    colliding = []
    for source in sources:
        folded = source.video_id.casefold()
        if folded in seen:
            colliding.append(source.video_id)
        seen.add(folded)
    if not colliding:
        return []
    named = ", ".join(colliding[:MAX_NAMED]) + (", ..." if len(colliding) > MAX_NAMED else "")
    return [f"W_CASECOLLIDE: {len(colliding)} ids differ from another only by case: {named}"]
