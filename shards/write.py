"""Deterministic tars: the same samples give the same bytes, whoever writes them, whenever.

Plain ustar with time, owner and mode fixed. `tarfile` makes the headers only: its own writer
pads to 10,240 bytes, and webdataset's writer adds a kilobyte of time stamp to every member.
"""

import logging
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from shards import storage
from shards.hashing import HashingFile
from shards.schema import Sample, Split, start_ms, to_members

logger = logging.getLogger(__name__)

BLOCK_BYTES = 512
TRAILER = bytes(2 * BLOCK_BYTES)
MAX_PARTS = 100
BUNDLE_PATTERN = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One finished tar: what stands in it and what its bytes hash to.

    `rows` are rows of the manifest; `temporary` is where the file lies until it is committed.
    """

    name: str
    sha256: str
    bytes: int
    num_samples: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    temporary: str = ""


def part_name(bundle: str, part: int) -> str:
    """Return the file name of a part of a bundle."""
    return f"{bundle}-{part:02d}.tar"


def tar_member(name: str, data: bytes) -> bytes:
    """Return header, data and padding of one member."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    header = info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
    return header + data + bytes(-len(data) % BLOCK_BYTES)


def sample_span(sample: Sample) -> bytes:
    """Return the adjacent members of a sample as they stand in a tar."""
    key = sample.key
    return b"".join(
        tar_member(f"{key}.{extension}", data) for extension, data in to_members(sample)
    )


class ShardWriter:
    """Writes the samples of one bundle into one or more tars in OUT/_tmp.

    A part ends before the sample that would take it over a cap, so where parts are cut depends
    on the samples alone. Nothing gets a final name here: that is `shards.commit`.

    Args:
        out: Output folder.
        bundle: Six digits.
        max_bytes: Cap on the size of a tar. A single larger sample still makes a part.
        max_samples: Cap on the samples in a tar.
    """

    def __init__(self, out: str, bundle: str, *, max_bytes: int, max_samples: int) -> None:
        if not BUNDLE_PATTERN.fullmatch(bundle):
            raise ValueError(f"a bundle must be named by six digits, got {bundle!r}")
        self.out = out
        self.bundle = bundle
        self.max_bytes = max_bytes
        self.max_samples = max_samples
        self.parts: list[PartRecord] = []
        self._keys: set[str] = set()
        self._file: HashingFile | None = None
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.discard()

    def add(self, sample: Sample, split: Split) -> None:
        """Append a sample.

        Raises:
            ValueError: If the bundle already has a sample of that key.
            OSError: If the disk is full or read-only; the message names the file.
        """
        key = sample.key
        if key in self._keys:
            raise ValueError(
                f"keys must be unique in a bundle, got {key} twice in bundle {self.bundle} "
                f"(video {sample.meta['video_id']!r}, start {sample.meta['t0_s']} s)"
            )
        span = sample_span(sample)
        if self._file is not None and self._rows and self._is_full(self._file, len(span)):
            self._end_part(self._file)
        if self._file is None:
            self._file = self._begin_part()
        row = _manifest_row(sample, split)
        row |= {"shard": self._name, "offset": self._file.bytes, "length": len(span)}
        self._file.write(span)
        self._keys.add(key)
        self._rows.append(row)

    def finish(self) -> list[PartRecord]:
        """End the last part and return all of them, none for a bundle without samples."""
        if self._file is not None:
            self._end_part(self._file)
        return self.parts

    def discard(self) -> None:
        """Delete what was written."""
        if self._file is not None:
            self._file.discard()
            self._file = None
        for part in self.parts:
            storage.delete(part.temporary)
        self.parts = []

    @property
    def _name(self) -> str:
        return part_name(self.bundle, len(self.parts))

    def _is_full(self, file: HashingFile, num_bytes: int) -> bool:
        size = file.bytes + num_bytes + len(TRAILER)
        return size > self.max_bytes or len(self._rows) >= self.max_samples

    def _begin_part(self) -> HashingFile:
        if len(self.parts) == MAX_PARTS:
            raise ValueError(
                f"a bundle must fit {MAX_PARTS} parts, got more in bundle {self.bundle}; raise "
                "shards.max_shard_bytes and shards.max_shard_samples, or lower "
                "shards.sources_per_bundle"
            )
        return HashingFile(storage.temporary_path(self.out, self._name))

    def _end_part(self, file: HashingFile) -> None:
        file.write(TRAILER)
        done = file.finish()
        self._file = None
        part = PartRecord(
            self._name, done.sha256, done.bytes, len(self._rows), self._rows, done.temporary
        )
        logger.debug("wrote %s: %d samples, %d bytes", part.name, part.num_samples, part.bytes)
        self.parts.append(part)
        self._rows = []


def _manifest_row(sample: Sample, split: Split) -> dict[str, Any]:
    meta = sample.meta
    flags: Sequence[str] = meta.get("flags", ())
    return {
        "key": sample.key,
        "video_id": meta["video_id"],
        "split": split,
        "lang": meta.get("lang", ""),
        "t0_ms": start_ms(meta),
        "t1_ms": round(meta["t1_s"] * 1000),
        "num_windows": len(sample.windows),
        "caption": sample.caption,
        "flags": list(flags),
        "source_sha256": meta.get("src", {}).get("sha256", ""),
    }
