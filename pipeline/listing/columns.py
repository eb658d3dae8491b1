"""What the columns of a listing mean; those that mean nothing to us travel along as `extra`."""

import functools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.listing.source import ListingError

# The first of several names that a table has counts; the others are extra columns.
ROLES = {
    "id": ("id", "video_id"),
    "video": ("video", "path", "url"),
    "captions": ("captions",),
    "start": ("start",),
    "end": ("end",),
    "language": ("language", "lang"),
    "bytes": ("bytes",),
    "stamp": ("stamp",),
    "caption_bytes": ("caption_bytes",),
    "caption_stamp": ("caption_stamp",),
}
ROLE_NAMES = frozenset(name for names in ROLES.values() for name in names)
MAX_EXTRA_BYTES = 1 << 14
_CANONICAL = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cells:
    """What a row says of a source, in our own types."""

    video: str
    video_id: str = ""
    captions: str = ""
    interval: tuple[float, float] | None = None
    language: str = ""
    bytes: int = -1
    stamp: str = ""
    caption_bytes: int = 0
    caption_stamp: str = ""
    extra: str = ""


@functools.lru_cache(maxsize=256)
def roles_in(columns: tuple[str, ...]) -> dict[str, str]:
    """Return which column plays which role.

    Raises:
        ValueError: If no column names the videos.
    """
    roles = {
        role: name
        for role, names in ROLES.items()
        if (name := next((one for one in names if one in columns), None)) is not None
    }
    if "video" not in roles:
        raise ValueError(
            f"must have a column {', '.join(ROLES['video'][:-1])} or {ROLES['video'][-1]}, "
            f"got {', '.join(map(repr, columns)) or 'no column'}"
        )
    return roles


def read_cells(values: Mapping[str, Any], roles: Mapping[str, str]) -> Cells:
    """Return what a row says.

    Raises:
        ListingError: `E_ROW` if a cell cannot be what its column means.
    """

    def cell(role: str) -> Any:
        return values.get(roles[role]) if role in roles else None

    def text(role: str) -> str:
        value = cell(role)
        if value is None or type(value) is str:
            return value or ""
        if type(value) is not int:
            raise ListingError("E_ROW", f"column {roles[role]} must be text, got {_short(value)}")
        return str(value)

    def whole(role: str, unknown: int) -> int:
        value = text(role)
        if value and not _WHOLE.fullmatch(value):
            what = f"column {roles[role]} must be a number of bytes, got {_short(value)}"
            raise ListingError("E_ROW", what)
        return int(value) if value else unknown

    video = text("video")
    if not video:
        raise ListingError("E_ROW", f"column {roles['video']} must name a video, got nothing")
    language = text("language").strip().replace("_", "-")
    if language and not _LANGUAGE.fullmatch(language):
        raise ListingError(
            "E_ROW", f"column {roles['language']} must be a language code, got {_short(language)}"
        )
    return Cells(
        video=video,
        video_id=text("id"),
        captions=text("captions"),
        interval=_interval(cell("start"), cell("end")),
        language=language,
        bytes=whole("bytes", -1),
        stamp=text("stamp"),
        caption_bytes=whole("caption_bytes", 0),
        caption_stamp=text("caption_stamp"),
        extra=extra_json(values, roles),
    )


def _interval(start: Any, end: Any) -> tuple[float, float] | None:
    if start is None and end is None:
        return None
    try:
        start_s, end_s = float(start), float(end)
    except (TypeError, ValueError):
        start_s = end_s = math.nan
    if not 0 <= start_s < end_s < math.inf:
        shown = f"{_short(start)} and {_short(end)}"
        raise ListingError(
            "E_ROW", f"columns start and end must be seconds, 0 <= start < end, got {shown}"
        )
    return start_s, end_s


def extra_json(values: Mapping[str, Any], roles: Mapping[str, str]) -> str:
    """Return the columns without a role as a canonical JSON object, empty where there are none.

    Raises:
        ListingError: `E_ROW` if they are no JSON, or too long to stand in every sample.
    """
    taken = set(roles.values())
    extra = {
        name: value for name, value in values.items() if value is not None and name not in taken
    }
    if not extra:
        return ""
    try:
        text = _CANONICAL.encode(extra)
    except (TypeError, ValueError, RecursionError) as error:
        raise ListingError(
            "E_ROW", f"the extra columns must be JSON, got: {str(error)[:80]}"
        ) from error
    try:
        data = text.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair, or a byte that was no UTF-8: JSON cannot carry either.
        data = text.encode(errors="replace")
    if len(data) > MAX_EXTRA_BYTES:
        raise ListingError(
            "E_ROW", f"the extra columns must have at most {MAX_EXTRA_BYTES} bytes as JSON"
        )
    return data.decode()


def _short(value: Any) -> str:
    return repr(str(value)[:80])
