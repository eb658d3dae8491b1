"""The manifest: what was committed. Readers follow it and never list the folder.

manifest.json is small and read whole; the tables beside it can have a hundred million rows, so
their columns are read when they are asked for. A damaged page is found when it is read, by its
checksum, and another file under the table's name when the manifest is loaded, by its footer.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from shards import storage
from shards.columns import COLUMNS, GROUP_ROWS, VIDEO_COLUMNS
from shards.schema import SCHEMA_VERSION, Split
from shards.state import MANIFEST, SUCCESS, refuse_rebuilt

__all__ = ["MANIFEST", "REJECTS", "SAMPLES", "SUCCESS", "VIDEOS", "Manifest", "load_rejects"]

SAMPLES = "manifest.parquet"
VIDEOS = "videos.parquet"
REJECTS = "rejects.jsonl"

FOOTER_END = 8
"""Bytes at the end of a Parquet file: the size of its footer (4) and the letters PAR1."""


@dataclass(frozen=True)
class Manifest:
    """What stands in an output folder.

    Attributes:
        out: The folder.
        shards: Records of {name, bundle, sha256, bytes, num_samples}, in the order of the rows.
        bundles: Records of {bundle, fingerprint, num_samples, num_rejects, num_lost, planned};
            `num_lost` counts sources that are rejected as a whole.
        totals: See `shards.accounting.Books.close`.
        sha256: Identity of the samples: equal if and only if rows and tars are equal.
        version: 1, and one more each time that the content of the folder changed.
    """

    out: str
    shards: list[dict[str, Any]]
    bundles: list[dict[str, Any]]
    totals: dict[str, Any]
    sha256: str
    version: int = 1
    _tables: dict[str, pa.Table] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, out: str) -> Self:
        """Read the manifest of an output folder, and no row of its tables yet.

        Raises:
            ValueError: If there is none, it is damaged or of another schema, or a build is under
                way that replaces its shards.
        """
        path = storage.join(out, MANIFEST)
        refuse_rebuilt(out)
        if not storage.exists(path):
            raise ValueError(
                f"{out} must hold a {MANIFEST}, got none; "
                f"`weakvid shards --sources.path VIDEOS --shards.out {out}` makes one"
            )
        value = storage.read_json(path)
        if not isinstance(value, dict) or value.get("schema") != SCHEMA_VERSION:
            raise ValueError(f"{path} must say schema {SCHEMA_VERSION}, got {str(value)[:80]}")
        for name, footer in value["footers"].items():
            if footer_sha256(storage.join(out, name)) != footer:
                raise ValueError(_another_table(out, name))
        names = ("shards", "bundles", "totals", "sha256", "version")
        return cls(out, *(value[name] for name in names))

    @property
    def num_samples(self) -> int:
        """Rows of the table of samples."""
        return self.totals["written"]

    @property
    def samples(self) -> pa.Table:
        """All columns of all samples, by shard and offset.

        About 300 bytes a row. Where there may be millions, ask `table` for columns.
        """
        if SAMPLES not in self._tables:
            self._tables[SAMPLES] = self.table(COLUMNS.names)
        return self._tables[SAMPLES]

    def split(self, name: Split) -> pa.Table:
        """Return the rows of one split, by shard and offset."""
        return self.table(COLUMNS.names, name)

    def table(self, columns: Sequence[str], split: Split | None = None) -> pa.Table:
        """Return some columns of all samples, or of those of one split.

        Raises:
            ValueError: If the table is damaged.
        """
        return pa.concat_tables([self._empty(columns), *self.batches(columns, split)])

    def batches(self, columns: Sequence[str], split: Split | None = None) -> Iterator[pa.Table]:
        """Yield what `table` returns, some hundred thousand rows at a time."""
        if SAMPLES in self._tables:
            groups = iter([self._tables[SAMPLES]])
        else:
            wanted = dict.fromkeys([*columns, *(["split"] if split else [])])
            groups = _row_groups(storage.join(self.out, SAMPLES), list(wanted), COLUMNS)
        for group in groups:
            rows = group if split is None else group.filter(pc.field("split") == split)
            yield rows.select(list(columns))

    def rows(self, first: int, count: int, columns: Sequence[str]) -> pa.Table:
        """Return some columns of some adjacent rows; only the row groups that hold them are read.

        Raises:
            ValueError: If the table is damaged.
        """
        if SAMPLES in self._tables:
            return self._tables[SAMPLES].select(list(columns)).slice(first, count)
        path = storage.join(self.out, SAMPLES)
        groups = range(first // GROUP_ROWS, -(-(first + count) // GROUP_ROWS))
        tables = _row_groups(path, columns, COLUMNS, groups)
        rows = pa.concat_tables([self._empty(columns), *tables])
        return rows.slice(first - groups.start * GROUP_ROWS, count)

    def rows_of_split(self, name: Split) -> np.ndarray:
        """Return the numbers of the rows of one split, ascending, int64."""
        masks = [pc.equal(rows["split"], name).to_numpy() for rows in self.batches(["split"])]
        return np.flatnonzero(np.concatenate([np.zeros(0, bool), *masks]))

    def shard_of_row(self) -> np.ndarray:
        """Return the number in `shards` of each row's shard, int32."""
        counts = [shard["num_samples"] for shard in self.shards]
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    def videos(self) -> pa.Table:
        """Return one row a source of a bundle with `VIDEO_COLUMNS`, by bundle and id.

        Raises:
            ValueError: If the table is damaged.
        """
        path = storage.join(self.out, VIDEOS)
        groups = _row_groups(path, VIDEO_COLUMNS.names, VIDEO_COLUMNS)
        return pa.concat_tables([VIDEO_COLUMNS.empty_table(), *groups])

    @staticmethod
    def _empty(columns: Sequence[str]) -> pa.Table:
        return COLUMNS.empty_table().select(list(columns))


def iter_rejects(out: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of rejects.jsonl, none where there is no such file."""
    path = storage.join(out, REJECTS)
    if storage.exists(path):
        with storage.open_read(path) as lines:
            for line in lines:
                yield json.loads(line)


def load_rejects(out: str) -> list[dict[str, Any]]:
    """Return the rows of rejects.jsonl, none where there is no such file."""
    return list(iter_rejects(out))


def footer_sha256(path: str) -> str:
    """Return the hash of a Parquet file's footer: sizes, places and bounds of all its columns.

    Empty where there is no whole file.
    """
    if not storage.exists(path):
        return ""
    size = storage.size_of(path)
    end = storage.read_range(path, max(0, size - FOOTER_END), FOOTER_END)
    num_bytes = int.from_bytes(end[:4], "little") + FOOTER_END
    if end[4:] != b"PAR1" or num_bytes > size:
        return ""
    return hashlib.sha256(storage.read_range(path, size - num_bytes, num_bytes)).hexdigest()


def _row_groups(
    path: str, columns: Sequence[str], schema: pa.Schema, groups: range | None = None
) -> Iterator[pa.Table]:
    with storage.open_read(path) as file:
        try:
            # `read_table` leaves a read-ahead thread that can outlive the interpreter, and abort.
            table = pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)
            if not table.schema_arrow.equals(schema):
                raise ValueError(
                    f"must have the columns {', '.join(schema.names)}, "
                    f"got {', '.join(table.schema_arrow.names)}"
                )
            for group in groups if groups is not None else range(table.num_row_groups):
                yield table.read_row_group(group, columns=list(columns), use_threads=False)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"{path} must be whole, got: {error}; the same `weakvid shards` command writes it "
                "again"
            ) from error


def _another_table(out: str, name: str) -> str:
    return (
        f"{storage.join(out, name)} must be the file that {MANIFEST} names, got another one; "
        f"`weakvid shards` on {out} writes both again"
    )
