"""The manifests that are trained on, one after the other, as one list of rows.

A sample is named by its row in this list from here on: in the order, in batches, in logs. What is
held of a row is a number or two; keys, captions and ids stay on disk until they are asked for.

Shape letters in this file:
    N  samples of all folders    M  folders    S  shards of all folders
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa

from configs.data import DataConfig
from shards import storage
from shards.manifest import Manifest
from shards.schema import Split


class Shard(NamedTuple):
    """A shard as its manifest tells of it."""

    folder: str
    name: str
    sha256: str
    bytes: int

    @property
    def path(self) -> str:
        """Where it lies."""
        return storage.join(self.folder, self.name)


class Places(NamedTuple):
    """Where the samples lie, and what keeps clips of one video together; 24 bytes a row."""

    shard_N: np.ndarray
    """int32, number of the shard in the corpus."""

    offset_N: np.ndarray
    """int64, first byte in the shard."""

    length_N: np.ndarray
    """int32, bytes."""

    video_N: np.ndarray
    """int64, `video_number` of its video."""


class Corpus:
    """What is trained on.

    Attributes:
        manifests: One a folder, in the order of the settings.
        starts: First row of each manifest, and the number of all rows.
        sha256: Identity of the samples and of the order of folders.
    """

    def __init__(self, manifests: Sequence[Manifest]) -> None:
        self.manifests = tuple(manifests)
        counts = [manifest.num_samples for manifest in self.manifests]
        self.starts = [0, *np.cumsum(counts).tolist()]
        hashes = [manifest.sha256 for manifest in self.manifests]
        joined = hashlib.sha256(" ".join(hashes).encode())
        self.sha256 = hashes[0] if len(hashes) == 1 else joined.hexdigest()
        self._first_shards = [0, *np.cumsum([len(m.shards) for m in self.manifests]).tolist()]

    @classmethod
    def load(cls, config: DataConfig) -> Self:
        """Read the manifests of all folders, and no row of their tables yet.

        Raises:
            ValueError: If a folder is named twice, or has no manifest that can be read.
        """
        folders = config.folders()
        if len(set(folders)) < len(folders):
            raise ValueError(
                f"data.shards and data.mix must name each folder once, got {', '.join(folders)}; "
                "data.weights says which is seen more often"
            )
        return cls([Manifest.load(folder) for folder in folders])

    @property
    def num_samples(self) -> int:
        """Rows of all folders."""
        return self.starts[-1]

    @property
    def folders(self) -> str:
        """The folders, as they stand in messages."""
        return ", ".join(manifest.out for manifest in self.manifests)

    def rows_of_split(self, name: Split) -> np.ndarray:
        """Return the rows of one split in all folders, ascending, int64."""
        return np.concatenate([self.rows_of(number, name) for number in range(len(self.manifests))])

    def rows_of(self, number: int, name: Split) -> np.ndarray:
        """Return the rows of one split in one folder, ascending, int64."""
        return self.manifests[number].rows_of_split(name) + self.starts[number]

    def shard_of_row(self) -> np.ndarray:
        """Return the number of each row's shard, int32 (N,)."""
        parts = zip(self._first_shards, self.manifests, strict=False)
        return np.concatenate([first + manifest.shard_of_row() for first, manifest in parts])

    @property
    def num_shards(self) -> int:
        """Shards of all folders."""
        return self._first_shards[-1]

    def shard(self, number: int) -> Shard:
        """Return one shard by its number in the corpus."""
        folder = int(np.searchsorted(self._first_shards, number, "right")) - 1
        manifest = self.manifests[folder]
        record = manifest.shards[number - self._first_shards[folder]]
        return Shard(manifest.out, record["name"], record["sha256"], record["bytes"])

    def batches(self, columns: Sequence[str], split: Split | None = None) -> Iterator[pa.Table]:
        """Yield some columns of all samples, or of one split, in the order of rows."""
        for manifest in self.manifests:
            yield from manifest.batches(columns, split)

    def row(self, row: int, columns: Sequence[str]) -> dict[str, Any]:
        """Return some columns of one sample."""
        folder = int(np.searchsorted(self.starts, row, "right")) - 1
        table = self.manifests[folder].rows(row - self.starts[folder], 1, columns)
        return table.to_pylist()[0]

    def places(self) -> Places:
        """Return where all samples lie."""
        offset_N, video_N = (np.empty(self.num_samples, np.int64) for _ in range(2))
        length_N = np.empty(self.num_samples, np.int32)
        begin = 0
        for rows in self.batches(["offset", "length", "video_id"]):
            place = slice(begin, begin + rows.num_rows)
            offset_N[place], length_N[place] = rows["offset"].to_numpy(), rows["length"].to_numpy()
            video_N[place] = _video_numbers(rows["video_id"])
            begin = place.stop
        return Places(self.shard_of_row(), offset_N, length_N, video_N)

    def video_of_row(self) -> np.ndarray:
        """Return the `video_number` of each row, int64 (N,)."""
        parts = [_video_numbers(rows["video_id"]) for rows in self.batches(["video_id"])]
        return np.concatenate([np.empty(0, np.int64), *parts])


def _video_numbers(video_ids: pa.ChunkedArray) -> np.ndarray:
    codes = video_ids.combine_chunks().dictionary_encode()
    different = [video_number(video_id) for video_id in codes.dictionary.to_pylist()]
    return np.array(different, np.int64)[codes.indices.to_numpy()]


def video_number(video_id: str) -> int:
    """Return an int64 that stands for a video's id."""
    digest = hashlib.blake2b(video_id.encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
