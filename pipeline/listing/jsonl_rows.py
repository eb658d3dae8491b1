"""A JSONL table, one object a line, -> rows."""

import json
from collections.abc import Iterator
from typing import IO, Any, NoReturn

from pipeline.listing.row import Row

MAX_LINE_BYTES = 1 << 22


def jsonl_rows(file: IO[bytes], path: str) -> Iterator[Row]:
    """Yield the objects of a file; null stands for an empty cell.

    Raises:
        ValueError: If a line is no JSON object; the message names line and column. A line is
            never skipped: a file that was cut off must not take the rest of the videos away.
    """
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"{path}, line {number}: must have at most {MAX_LINE_BYTES} bytes")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield Row(number, _object(line, f"{path}, line {number}"))


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line.decode().rstrip("\r\n"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"{where}, column {error.colno}: must be JSON: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}, column {error.start + 1}: must be UTF-8") from error
    except (RecursionError, ValueError) as error:
        raise ValueError(f"{where}: must be JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{where}: must be a JSON object, got {str(value)[:80]}")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
