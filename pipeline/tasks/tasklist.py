"""The bundles of a plan as a sequence that makes a task when it is asked for one.

A million sources as objects take a gigabyte; as columns they take a tenth of it, and only the
bundles under way exist as tasks.
"""

import operator
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import overload

import numpy as np
import pyarrow as pa

from configs.runs import ShardsJob
from pipeline.listing.source import SourceFile
from pipeline.tasks.bundle import BundleTask, sample_config_hash
from trainers.cluster.stamp import stamp

SOURCE_COLUMNS = pa.schema(
    [
        ("video_id", pa.string()),
        # As the file system has them: not every name of a file is UTF-8.
        ("video", pa.binary()),
        ("captions", pa.binary()),
        ("name", pa.string()),
        ("bytes", pa.int64()),
        ("stamp", pa.string()),
        ("caption_bytes", pa.int64()),
        ("caption_stamp", pa.string()),
        ("caption_span", pa.list_(pa.int64(), 2)),
        ("language", pa.string()),
        ("interval", pa.list_(pa.float64(), 2)),
        ("extra", pa.string()),
    ]
)
"""The fields of a source."""

_PAIRS = ("caption_span", "interval")
_PATHS = ("video", "captions")


def source_table(sources: Sequence[SourceFile]) -> pa.Table:
    """Return sources as columns."""
    assert SOURCE_COLUMNS.names == [each.name for each in fields(SourceFile)]
    return pa.table(
        [
            pa.array(map(_stored(column.name), sources), column.type, size=len(sources))
            for column in SOURCE_COLUMNS
        ],
        schema=SOURCE_COLUMNS,
    )


def source_files(table: pa.Table) -> tuple[SourceFile, ...]:
    """Return the sources that `source_table` took apart."""
    return tuple(
        SourceFile(
            **row
            | {name: tuple(row[name]) for name in _PAIRS if row[name]}
            | {name: os.fsdecode(row[name]) for name in _PATHS}
        )
        for row in table.to_pylist()
    )


def _stored(name: str) -> Callable[[SourceFile], object]:
    get = operator.attrgetter(name)
    return (lambda source: os.fsencode(get(source))) if name in _PATHS else get


@dataclass(frozen=True)
class TaskList(Sequence[BundleTask]):
    """Tasks by number. What is asked of all of them stands in arrays, one entry a task.

    Attributes:
        job: Settings.
        out: Absolute path of the output folder.
        sources: All sources of the plan, those of a bundle adjacent.
        bundles: Names of the bundles.
        fingerprints: Hash of all that decides the bytes of each bundle.
        begins: First row in `sources` of each bundle.
        counts: Sources of each bundle.
        num_bytes: Bytes of those whose size is known.
    """

    job: ShardsJob
    out: str
    sources: pa.Table
    bundles: list[str]
    fingerprints: list[str]
    begins: np.ndarray
    counts: np.ndarray
    num_bytes: np.ndarray

    def __len__(self) -> int:
        return len(self.bundles)

    @overload
    def __getitem__(self, index: int) -> BundleTask: ...
    @overload
    def __getitem__(self, index: slice) -> "TaskList": ...
    def __getitem__(self, index: int | slice) -> "BundleTask | TaskList":
        if isinstance(index, slice):
            return self.take(range(len(self))[index])
        rows = self.sources.slice(int(self.begins[index]), int(self.counts[index]))
        return BundleTask(
            out=self.out,
            bundle=self.bundles[index],
            fingerprint=self.fingerprints[index],
            sources=source_files(rows),
            clips=self.job.clips,
            shards=self.job.shards,
            intake=self.job.sources,
            config_hash=sample_config_hash(self.job.clips),
            operating=self.job.operating,
            versions=stamp(),
        )

    @property
    def num_sources(self) -> int:
        """Sources of all bundles."""
        return int(self.counts.sum())

    def take(self, indices: Sequence[int]) -> "TaskList":
        """Return some of the tasks, in the order given."""
        chosen = np.asarray(indices, np.int64)
        return TaskList(
            self.job,
            self.out,
            self.sources,
            [self.bundles[index] for index in chosen],
            [self.fingerprints[index] for index in chosen],
            self.begins[chosen],
            self.counts[chosen],
            self.num_bytes[chosen],
        )

    def largest_first(self) -> "TaskList":
        """Return the tasks with the most bytes first, so that no long one is left for the end."""
        return self.take(np.lexsort((np.arange(len(self)), -self.num_bytes)).tolist())
