"""Strict reading of shards: in order, or one sample by its place.

Generic tar readers skip what they cannot parse, so a hole in a file silently costs samples.
Here every byte must be what the writer puts there.
"""

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from shards import storage
from shards.schema import KEY_PATTERN, MEMBERS, OPTIONAL_MEMBERS, Sample, from_members
from shards.write import BLOCK_BYTES, TRAILER


@dataclass(frozen=True, slots=True)
class PlacedSample:
    """A sample and the span of its members in the tar."""

    sample: Sample
    key: str
    offset: int
    length: int


def read_samples(path: str) -> Iterator[Sample]:
    """Yield the samples of a shard in order.

    Raises:
        ValueError: If the file is cut or damaged, or a member is missing, unknown or out of
            place. The message names the file and the sample.
    """
    for placed in read_placed_samples(path):
        yield placed.sample


def read_placed_samples(path: str) -> Iterator[PlacedSample]:
    """Yield the samples of a shard with their places. Raises as `read_samples` does."""
    with storage.open_read(path) as file:
        yield from _samples(file, path, has_trailer=True)


def read_sample_at(path: str, offset: int, length: int) -> Sample:
    """Return the one sample that fills `length` bytes from `offset` on.

    Args:
        path: A shard.
        offset: Start of the sample's first header in bytes, from the manifest.
        length: Bytes up to the end of its last member, from the manifest.

    Raises:
        ValueError: If those bytes are not exactly one sample.
    """
    span = storage.read_range(path, offset, length)
    if len(span) != length:
        raise ValueError(
            f"{path} must hold {length} bytes from {offset} on, got {len(span)}: it is cut"
        )
    where = f"{path} at byte {offset}"
    found = [placed.sample for placed in _samples(io.BytesIO(span), where, has_trailer=False)]
    if len(found) != 1:
        raise ValueError(f"{where} must hold one sample in {length} bytes, got {len(found)}")
    return found[0]


def _samples(file: IO[bytes], where: str, *, has_trailer: bool) -> Iterator[PlacedSample]:
    members: dict[str, bytes] = {}
    key, start, end = "", 0, 0
    for name, data, after in _members(file, where, has_trailer=has_trailer):
        member_key, _, extension = name.partition(".")
        if members and member_key != key:
            yield _placed(members, key, start, end, where)
            members, start = {}, end
        if not members:
            key = member_key
        _check_member(name, extension, members, where)
        members[extension] = data
        end = after
    if members:
        yield _placed(members, key, start, end, where)


def _check_member(name: str, extension: str, before: dict[str, bytes], where: str) -> None:
    if not KEY_PATTERN.fullmatch(name.partition(".")[0]) or extension not in MEMBERS:
        raise ValueError(f"{where} holds an unknown member {name!r}")
    place = MEMBERS.index(extension)
    missing = set(MEMBERS[:place]) - OPTIONAL_MEMBERS - set(before)
    if missing or any(MEMBERS.index(other) >= place for other in before):
        raise ValueError(
            f"{where}: members of a sample must be adjacent in the order {MEMBERS}, got {name} "
            f"after {list(before) or 'nothing'}"
        )


def _placed(members: dict[str, bytes], key: str, start: int, end: int, where: str) -> PlacedSample:
    try:
        sample = from_members(members)
        named = sample.key
    except ValueError as error:
        raise ValueError(f"{where}, sample {key}: {error}") from error
    if named != key:
        raise ValueError(f"{where}, sample {key}: its .json belongs to {named}")
    return PlacedSample(sample, key, start, end - start)


def _members(file: IO[bytes], where: str, *, has_trailer: bool) -> Iterator[tuple[str, bytes, int]]:
    """Yield name, data and the offset behind each member, up to the end of the file."""
    offset, last = 0, "the start"
    while True:
        header = file.read(BLOCK_BYTES)
        if not has_trailer and not header:
            return
        if has_trailer and header == TRAILER[:BLOCK_BYTES]:
            if file.read(BLOCK_BYTES + 1) != TRAILER[BLOCK_BYTES:]:
                raise ValueError(f"{where} must end in 1,024 zero bytes after {last}")
            return
        try:
            info = tarfile.TarInfo.frombuf(header, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeError) as error:
            raise ValueError(f"{where} is cut or damaged after {last}: {error}") from error
        if info.type != tarfile.REGTYPE:
            raise ValueError(f"{where}: {info.name!r} must be a plain file, got {info.type!r}")
        padded = file.read(info.size + -info.size % BLOCK_BYTES)
        if len(padded) != info.size + -info.size % BLOCK_BYTES or any(padded[info.size :]):
            raise ValueError(f"{where} is cut or damaged within {info.name}, after {last}")
        offset += BLOCK_BYTES + len(padded)
        last = info.name
        yield info.name, padded[: info.size], offset
