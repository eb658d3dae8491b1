"""Published listings of clips: what is asked, of which part of which video.

    YouCook2   end,start,task,text,video_id            validation/TASK/VIDEO.mp4
    MSR-VTT    key,vid_key,video_id,sentence           VIDEO.mp4
    HMDB51     video_id,label,split1,split2,split3     LABEL/VIDEO
    CrossTask  TASK,VIDEO,URL without a heading        VIDEO.mp4

Each row has the id that its clips have in the shards: that of the table which `weakvid benchmark`
writes for `weakvid shards`.
"""

import csv
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

logger = logging.getLogger(__name__)

Layout = Literal["youcook2", "msrvtt", "hmdb51", "crosstask"]

COLUMNS: dict[Layout, set[str]] = {
    "youcook2": {"video_id", "task", "text", "start", "end"},
    "msrvtt": {"key", "vid_key", "video_id", "sentence"},
    "hmdb51": {"video_id", "label", "split1"},
}
_TEST_OF_LABEL = "_test"
"""What the published file has behind each label."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a listing."""

    id: str
    """The id of its clips' video in the shards."""
    video: str
    """Where its video lies, without the extension if the listing leaves that out."""
    text: str = ""
    """Sentence, or name of the class."""
    interval: tuple[float, float] | None = None
    """Seconds of the video that it is about; None: all."""
    splits: tuple[int, ...] = ()
    """For each split 1 for train, 2 for test, 0 for neither."""


def read_listing(path: Path) -> tuple[Layout, list[Row]]:
    """Return what a listing is, and its rows in order.

    Raises:
        ValueError: If the file is missing, has other columns, or a row that cannot be used; says
            which.
    """
    if not path.is_file():
        raise ValueError(f"a listing must exist, got {str(path)!r}")
    with path.open(newline="", encoding="utf-8") as file:
        table = list(csv.reader(file))
    heading = table[0] if table else []
    layout = _layout(path, heading)
    if layout == "crosstask":
        heading = ["task", "video_id", "url"]
    else:
        del table[0]
    rows = []
    for line, cells in enumerate(table, start=1 if layout == "crosstask" else 2):
        if not cells:
            continue
        if len(cells) != len(heading):
            raise ValueError(
                f"{path}:{line}: a row must have {len(heading)} cells, got {len(cells)}"
            )
        try:
            rows.append(_row(layout, dict(zip(heading, cells, strict=True))))
        except ValueError as error:
            raise ValueError(f"{path}:{line}: {error}") from error
    if not rows:
        raise ValueError(f"{path} must hold rows, got none")
    return layout, rows


def warn_of_missing(listing: str, shards: str, missing: Sequence[str], num_rows: int) -> None:
    """Say which rows of a listing are left out, since the shards hold no clip of them."""
    if missing:
        logger.warning(
            "%d of %d rows of %s have no clip in %s and are left out, such as %s",
            len(missing), num_rows, listing, shards, ", ".join(missing[:3]),
        )  # fmt: skip


def _layout(path: Path, heading: list[str]) -> Layout:
    for layout, columns in COLUMNS.items():
        if columns <= set(heading):
            return layout
    if len(heading) == 3 and "://" in heading[2]:
        return "crosstask"
    known = "; ".join(f"{name}: {', '.join(sorted(names))}" for name, names in COLUMNS.items())
    raise ValueError(
        f"{path} must have the columns of a published listing ({known}), "
        f"got {', '.join(heading) or 'none'}"
    )


def _row(layout: Layout, cells: dict[str, str]) -> Row:
    video_id = cells["video_id"]
    if not video_id:
        raise ValueError("video_id must not be empty")
    match layout:
        case "youcook2":
            start_s, end_s = _seconds("start", cells), _seconds("end", cells)
            if end_s <= start_s:
                raise ValueError(f"end must be above start, got {start_s} to {end_s}")
            return Row(
                f"{video_id}/{cells['start']}-{cells['end']}",
                f"validation/{cells['task']}/{video_id}",
                cells["text"],
                (start_s, end_s),
            )
        case "msrvtt":
            return Row(video_id, video_id, cells["sentence"])
        case "hmdb51":
            label = cells["label"].removesuffix(_TEST_OF_LABEL)
            splits = tuple(_split(name, cells[name]) for name in _split_names(cells))
            return Row(video_id, f"{label}/{video_id}", label, splits=splits)
        case "crosstask":
            return Row(video_id, video_id, cells["task"])


def _split_names(cells: dict[str, str]) -> list[str]:
    return sorted(name for name in cells if name.startswith("split"))


def _split(name: str, cell: str) -> int:
    if cell not in ("0", "1", "2"):
        raise ValueError(f"{name} must be 0, 1 or 2, got {cell!r}")
    return int(cell)


def _seconds(name: str, cells: dict[str, str]) -> float:
    try:
        value = float(cells[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be a number of seconds, got {cells[name]!r}")
    return value
