"""HowTo100M's own captions: `caption.json`, columnar, and one CSV a video.

`caption.json` is {video: {start: [..], end: [..], text: [..]}}; what is read here is one video's
part of it. The CSV holds `start,end,text`, perhaps with a header, perhaps after a column that
counts. Both may be lower-cased and without stop words, as the data set was published:
`W_STOPWORDS` says so.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.documents import seconds
from pipeline.captions.text import tidy
from pipeline.captions.timing import in_order

_COLUMNS = ("start", "end", "text")
_STOP_WORDS = frozenset(
    {"the", "a", "and", "to", "of", "is", "it", "you", "i", "in", "that", "this"}
)
_MIN_WORDS_TO_TELL = 30


def is_columnar(document: Any) -> bool:
    """Return whether a JSON value is one video's part of `caption.json`, or a file of one video."""
    if not isinstance(document, dict) or not document:
        return False
    return _is_part(document) or all(map(_is_part, document.values()))


def _is_part(value: Any) -> bool:
    """Return whether a JSON value has the three columns."""
    return isinstance(value, dict) and all(isinstance(value.get(name), list) for name in _COLUMNS)


def parse_columnar(document: dict[str, Any]) -> Captions:
    """Read the columns of one video.

    Raises:
        CaptionError: `E_CAPPARSE` where there are several videos, or columns of different length;
            `W_CAPEMPTY` where nothing is said.
    """
    if not _is_part(document):
        if len(document) != 1:
            raise CaptionError(
                "E_CAPPARSE",
                f"must hold one video, got {len(document)}; list caption.json as a source of the "
                "kind howto100m",
            )
        [document] = document.values()
    columns = [document[name] for name in _COLUMNS]
    if len({len(column) for column in columns}) != 1:
        raise CaptionError("E_CAPPARSE", "start, end and text must be of one length")
    return _captions(zip(*columns, strict=True), "howto100m-json")


def csv_columns(row: Sequence[str]) -> tuple[int, int, int] | None:
    """Return where start, end and text stand, told from a file's first row; None if it is none."""
    names = [name.strip().lower() for name in row]
    if set(_COLUMNS) <= set(names) and not any(":" in name for name in names):
        start, end, text = (names.index(name) for name in _COLUMNS)
        return start, end, text
    for first in (0, 1):
        times = [_number(cell) for cell in row[first : first + 2]]
        is_counted = first == 0 or row[0].strip().isdecimal()
        if len(row) == first + len(_COLUMNS) and is_counted and None not in times:
            return first, first + 1, first + 2
    return None


def parse_csv(text: str) -> Captions:
    """Read a whole file.

    Raises:
        CaptionError: `E_CAPPARSE` where it is no such CSV, `W_CAPEMPTY` where nothing is said.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if any(row)]
    except csv.Error as error:
        raise CaptionError("E_CAPPARSE", f"not CSV: {error}") from None
    places = csv_columns(rows[0]) if rows else None
    if places is None:
        raise CaptionError("E_CAPPARSE", "a CSV of captions must have start, end and text")
    first = 1 if _number(rows[0][places[0]]) is None else 0
    short = [row for row in rows[first:] if len(row) <= max(places)]
    if short:
        raise CaptionError("E_CAPPARSE", f"a row must have start, end and text, got {short[0]}")
    cells = ([row[place] for place in places] for row in rows[first:])
    return _captions(((_number(one), _number(two), said) for one, two, said in cells), "csv")


def _captions(rows: Iterable[Sequence[Any]], file_format: str) -> Captions:
    flags: set[str] = set()
    cues = []
    for start, end, said in rows:
        start_s, end_s = seconds(start), seconds(end)
        if start_s is None or end_s is None:
            raise CaptionError("E_CAPPARSE", f"start and end must be seconds, got {start}, {end}")
        # pandas writes a cue without text as NaN; it is no word.
        text = "" if said in (None, "nan", "NaN") else tidy(str(said))
        cues.append(Cue(start_s, end_s, text))
    if _lacks_stop_words(cues):
        flags.add("W_STOPWORDS")
    return in_order(cues, flags, file_format=file_format)


def _number(cell: str) -> float | None:
    try:
        return seconds(float(cell))
    except ValueError:
        return None


def _lacks_stop_words(cues: Sequence[Cue]) -> bool:
    words = [word for cue in cues for word in cue.text.split()]
    is_lower = all(word == word.lower() for word in words)
    return len(words) >= _MIN_WORDS_TO_TELL and is_lower and _STOP_WORDS.isdisjoint(words)
