"""Where in HowTo100M's JSON of all captions each video's object lies, found without loading it.

The file is several GB: `{"VIDEO": {"start": [...], "end": [...], "text": [...]}, ...}`. One pass
over its bytes finds where each object begins and how long it is; a task then reads its own.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from shards import storage


@dataclass(frozen=True, slots=True)
class Span:
    """Where a video's captions lie in the file, and the first 16 hex of their SHA-256."""

    offset: int
    length: int
    stamp: str


_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_ENTRY = re.compile(
    rb"\s*+(" + _STRING + rb')\s*+:\s*+(\{(?:[^{}"]++|' + _STRING + rb")*+\})\s*+([,}])", re.DOTALL
)
_OPENING = re.compile(rb"\s*+\{")
MAX_ENTRY_BYTES = 1 << 26
_CHUNK_BYTES = 1 << 24


def find_spans(path: str) -> Iterator[tuple[str, Span]]:
    """Yield each key with the offset and length of its object, in order of the file.

    Raises:
        ValueError: If the file is no such JSON, or ends early; the message names the byte.
    """
    with storage.open_read(path) as file:
        yield from _scan(file, path)


def span_stamp(data: bytes) -> str:
    """Return the version of the captions of one video: another part of the file may change."""
    return hashlib.sha256(data).hexdigest()[:16]


def _key(text: bytes, path: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise ValueError(f"{path}: a key must be a JSON string, got {text[:40]!r}") from error


def _scan(file: IO[bytes], path: str) -> Iterator[tuple[str, Span]]:
    buffer = file.read(_CHUNK_BYTES)
    opening = _OPENING.match(buffer)
    if opening is None:
        raise ValueError(f"{path} must be a JSON object of videos, got {buffer[:40]!r}")
    offset, position = 0, opening.end()
    if buffer[position : position + 64].strip().startswith(b"}"):
        return
    while True:
        entry = _ENTRY.match(buffer, position)
        if entry is None:
            more = file.read(_CHUNK_BYTES)
            if not more or len(buffer) - position > MAX_ENTRY_BYTES:
                where = offset + position
                raise ValueError(
                    f'{path}, byte {where}: must be "VIDEO": {{...}} of at most {MAX_ENTRY_BYTES} '
                    f"bytes, got {buffer[position : position + 40]!r}"
                )
            offset += position
            buffer, position = buffer[position:] + more, 0
            continue
        yield (
            _key(entry[1], path),
            Span(offset + entry.start(2), len(entry[2]), span_stamp(entry[2])),
        )
        position = entry.end()
        if entry[3] == b"}":
            return
