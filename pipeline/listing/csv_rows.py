"""A CSV table, also with tabs or semicolons, -> rows whose columns have JSON types."""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from pipeline.listing.columns import ROLE_NAMES
from pipeline.listing.row import Row

MAX_CELL_CHARS = 1 << 20
_DELIMITERS = ",\t;"
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_TRUTH = {"true": True, "false": False, "True": True, "False": False}
# Which cells a column of a type may hold, and how they are read; the narrower type first.
_GUESSES: tuple[tuple[Callable[[str], Any], Callable[[str], Any]], ...] = (
    (_INTEGER.fullmatch, int),
    (_NUMBER.fullmatch, float),
    (_TRUTH.get, _TRUTH.__getitem__),
)


def csv_rows(file: IO[bytes], path: str) -> tuple[list[str], Iterator[Row]]:
    """Return the columns and the rows of a CSV file whose first line names the columns.

    A column of whole numbers, of numbers or of true and false gets that type; every other one
    is text, and so are the columns that have a meaning of their own. The file is read twice.

    Raises:
        ValueError: If it is no CSV; the message names the line.
    """
    text = _as_text(file, path)
    delimiter = _delimiter(text.readline())
    columns = _header(_cells(text, path, delimiter), path)
    typed = _types(_cells(text, path, delimiter), columns)
    return columns, _rows(_cells(text, path, delimiter), columns, typed)


def _as_text(file: IO[bytes], path: str) -> io.TextIOWrapper:
    head = file.read(2)
    file.seek(0)
    is_utf16 = head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    # A name that is not UTF-8 is a name all the same.
    errors = "strict" if is_utf16 else "surrogateescape"
    encoding = "utf-16" if is_utf16 else "utf-8-sig"
    if not is_utf16 and b"\0" in head:
        raise ValueError(f"{path}, line 1: must be text, got a zero byte")
    return io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")


def _delimiter(first_line: str) -> str:
    return max(_DELIMITERS, key=first_line.count)


def _cells(text: io.TextIOWrapper, path: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not blank, with the line that it ends on."""
    text.seek(0)
    csv.field_size_limit(MAX_CELL_CHARS)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if any(cells):
                yield reader.line_num, cells
    except (csv.Error, UnicodeError) as error:
        raise ValueError(f"{path}, line {reader.line_num}: must be CSV, got: {error}") from error


def _header(rows: Iterator[tuple[int, list[str]]], path: str) -> list[str]:
    _, cells = next(rows, (1, []))
    columns = [cell.strip() for cell in cells]
    for number, name in enumerate(columns, 1):
        if not name or columns.index(name) != number - 1:
            what = f"{name!r} twice" if name else "no name"
            raise ValueError(f"{path}, line 1, column {number}: must have its own name, got {what}")
    return columns


def _types(
    rows: Iterator[tuple[int, list[str]]], columns: list[str]
) -> dict[str, Callable[[str], Any]]:
    """Return how the cells of a column are read, for the columns that are not text."""
    next(rows, None)
    guesses = {
        index: list(_GUESSES) for index, name in enumerate(columns) if name not in ROLE_NAMES
    }
    for _, cells in rows:
        if len(cells) != len(columns):
            continue
        for index in list(guesses):
            cell = cells[index]
            if cell and guesses[index][0][0](cell) is None:
                guesses[index] = [one for one in guesses[index] if one[0](cell) is not None]
                if not guesses[index]:
                    del guesses[index]
    return {columns[index]: left[0][1] for index, left in guesses.items()}


def _rows(
    rows: Iterator[tuple[int, list[str]]],
    columns: list[str],
    typed: dict[str, Callable[[str], Any]],
) -> Iterator[Row]:
    next(rows, None)
    for line, cells in rows:
        values: dict[str, Any] = {
            name: typed[name](cell) if name in typed else cell
            for name, cell in zip(columns, cells, strict=False)
            if cell
        }
        problem = ""
        if len(cells) != len(columns):
            problem = f"must have {len(columns)} cells, got {len(cells)}"
        yield Row(line, values, problem)
