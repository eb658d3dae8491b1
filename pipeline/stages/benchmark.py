"""Verb `benchmark`: a published listing -> the table that `weakvid shards` builds from."""

import csv
import io
from pathlib import Path

from pipeline.console import say
from pipeline.listing.folder import VIDEO_SUFFIXES
from shards.storage import write_atomic
from trainers.evaluation.listings import Layout, Row, read_listing

SETTINGS: dict[Layout, str] = {
    "youcook2": "--clips.policy linspace --clips.fps 10",
    "msrvtt": "--clips.policy linspace --clips.fps 10",
    "hmdb51": "--clips.policy linspace --clips.fps 30",
    "crosstask": "--clips.policy uniform --clips.stride-s 1",
}
"""How the shards of a protocol are cut, beside its 32 frames of at most 10 windows."""

_NAMED = 3


def run(listing: str, videos: str, out: str) -> int:
    """Write one row for each different row of the listing whose video is there.

    Raises:
        ValueError: If the listing cannot be used, or none of its videos is there.
    """
    layout, rows = read_listing(Path(listing))
    different = {row.id: row for row in rows}
    folder = Path(videos).absolute()
    if not folder.is_dir():
        raise ValueError(f"--videos must be a folder, got {videos!r}")
    paths = {row_id: find_video(folder, row) for row_id, row in different.items()}
    missing = [row_id for row_id, path in paths.items() if path is None]
    if len(missing) == len(different):
        first = next(iter(different.values()))
        raise ValueError(
            f"{videos} must hold videos of {listing}, such as {first.video} or "
            f"{Path(first.video).name} with an extension, got none of {len(different)}"
        )
    write_atomic(out, _table(different, paths).encode())
    say(f"{layout}: {len(different) - len(missing)} of {len(different)} parts of videos are there")
    if missing:
        say(f"missing: {', '.join(missing[:_NAMED])}{' ...' if len(missing) > _NAMED else ''}")
    say(f"written to {out}; then")
    say(
        f"  weakvid shards --sources.path {out} {SETTINGS[layout]} --clips.num-frames 32 "
        "--clips.max-duplicate-share 1 --sources.allow-uncaptioned True --shards.out SHARDS"
    )
    return 0


def find_video(folder: Path, row: Row) -> Path | None:
    """Return the video of a row: in the folders of the published layout, else below `folder`."""
    for place in (folder / row.video, folder / Path(row.video).name):
        if place.suffix.lower() in VIDEO_SUFFIXES and place.is_file():
            return place
        for suffix in sorted(VIDEO_SUFFIXES):
            path = place.with_name(place.name + suffix)
            if path.is_file():
                return path
    return None


def _table(rows: dict[str, Row], paths: dict[str, Path | None]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    has_interval = any(row.interval for row in rows.values())
    table.writerow(["id", "video", *(["start", "end"] if has_interval else [])])
    for row_id, row in rows.items():
        if paths[row_id] is not None:
            table.writerow([row_id, paths[row_id], *(row.interval or ())])
    return text.getvalue()
