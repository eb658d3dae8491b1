"""The books of a build: planned = written + rejected, for each video and in total.

Bundles are entered one after the other and only counts are kept, so that the books of a million
videos take no more memory than those of ten.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shards.commit import BundleRecord

NUM_NAMED = 5
"""Videos named in a message about books that do not close."""

NOT_LISTED = frozenset({"E_CAPNOVIDEO", "E_REMOVED"})
"""Rejects of what is no source: captions without a video, and videos that were taken down."""


@dataclass(slots=True)
class _Named:
    """How many videos, and the first few of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.first) < NUM_NAMED:
            self.first.append(name)


class Books:
    """Totals that grow bundle by bundle.

    A video stands in one bundle, so its books close there.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._codes: Counter[str] = Counter()
        self._splits: Counter[str] = Counter()
        self._open = _Named()
        self._silent = _Named()

    def enter(
        self, record: BundleRecord, written: Mapping[str, int], splits: Mapping[str, int]
    ) -> None:
        """Enter a bundle.

        Args:
            record: What became of it.
            written: Samples of each video.
            splits: Samples of each split.
        """
        rejected = self._enter_rejects(record.rejects)
        self._check(record.planned, written, rejected)
        self._splits.update(splits)
        self._counts.update(
            sources=len(record.planned),
            planned=sum(record.planned.values()),
            written=sum(written.values()),
            videos_written=len(written),
            bundles=1,
            shards=len(record.parts),
            bytes=sum(part.bytes for part in record.parts),
        )

    def enter_plan_rejects(self, rejects: Iterable[Mapping[str, Any]]) -> None:
        """Enter rejects of what is in no bundle."""
        listed = list(rejects)
        self._check({}, {}, self._enter_rejects(listed))
        self._counts["sources"] += sum(row["code"] not in NOT_LISTED for row in listed)

    def close(self) -> dict[str, Any]:
        """Return the totals.

        Returns:
            `sources`, `planned`, `written` and `rejected` (clips), `bytes`, `shards`, `bundles`,
            `videos_written`, `videos_rejected`, `rejects` (rows), `codes` and `splits` (counts).

        Raises:
            ValueError: If a video lost clips, or the video itself, without a reject.
        """
        if self._open.count:
            raise ValueError(
                "planned clips must equal written + rejected, got "
                f"{'; '.join(self._open.first)} ({self._open.count} videos)"
            )
        if self._silent.count:
            raise ValueError(
                "every video must have a clip or a reject, got neither for "
                f"{', '.join(self._silent.first)} ({self._silent.count} videos)"
            )
        counts = self._counts
        names = ("sources", "planned", "written", "rejected", "videos_written", "rejects")
        names += ("bundles", "shards", "bytes")
        return {name: counts[name] for name in names} | {
            "videos_rejected": counts["sources"] - counts["videos_written"],
            "codes": dict(sorted(self._codes.items())),
            "splits": {split: self._splits[split] for split in ("train", "val", "test")},
        }

    def _enter_rejects(self, rejects: Iterable[Mapping[str, Any]]) -> Counter[str]:
        rejected: Counter[str] = Counter()
        for row in rejects:
            rejected[row["video_id"]] += row["clips"]
            self._codes[row["code"]] += 1
            self._counts["rejects"] += 1
        self._counts["rejected"] += rejected.total()
        return rejected

    def _check(
        self, planned: Mapping[str, int], written: Mapping[str, int], rejected: Mapping[str, int]
    ) -> None:
        for video in sorted({*planned, *written, *rejected}):
            counts = (planned.get(video, 0), written.get(video, 0), rejected.get(video, 0))
            if counts[0] != counts[1] + counts[2]:
                self._open.add(f"{video!r}: {counts[0]} != {counts[1]} + {counts[2]}")
        for video in sorted({*planned} - {*written} - {*rejected}):
            self._silent.add(repr(video))
