"""A CSV, JSONL or Parquet table -> sources: a row names a video, and what is known of it."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from configs.sources import SourcesConfig
from pipeline.listing.columns import Cells, read_cells, roles_in
from pipeline.listing.paths import absolute, below, folder_of, id_below, is_url, shown
from pipeline.listing.row import Row
from pipeline.listing.rows import open_table
from pipeline.listing.settle import settle
from pipeline.listing.source import Listing, ListingError, SourceFile, normal_id, refused_row
from pipeline.listing.versions import Version, local_version, remote_versions


def list_table(sources: SourcesConfig) -> Listing:
    """Return the sources of a table; a row that is none becomes a reject.

    Sizes and versions are asked for where the row does not give `bytes`.

    Raises:
        ValueError: If the table cannot be read to its end: it must not seem shorter than it is.
    """
    path = absolute(sources.path)
    root = absolute(sources.root) if sources.root else folder_of(path)
    rejects: list[dict[str, Any]] = []
    found: list[SourceFile] = []
    with open_table(path) as table:
        if table.columns is not None:
            _check_columns(path, table.columns)
        for row in table.rows:
            try:
                found.append(_source(root, row))
            except ListingError as refused:
                where = f"{path.rpartition('/')[2]}:{row.number}"
                rejects.append(refused_row(_id_in(row), refused, where))
    if not found and not rejects:
        raise ValueError(f"{path} must list videos, got no row")
    versioned = list(_versioned(found, rejects, sources.threads))
    return settle(versioned, rejects, (), sources.limits)


def _check_columns(path: str, columns: Sequence[str]) -> None:
    try:
        roles_in(tuple(columns))
    except ValueError as error:
        raise ValueError(f"{path}, line 1: {error}") from error


def _id_in(row: Row) -> str:
    """Return what stands in the row's own column of ids, for its reject."""
    return str(next((row.values[name] for name in ("id", "video_id") if name in row.values), ""))


def _source(root: str, row: Row) -> SourceFile:
    """Raises ListingError."""
    if row.problem:
        raise ListingError("E_ROW", row.problem)
    try:
        roles = roles_in(tuple(row.values))
    except ValueError as error:
        raise ListingError("E_ROW", str(error)) from error
    cells = read_cells(row.values, roles)
    video, captions = _places(root, cells)
    return SourceFile(
        video_id=normal_id(cells.video_id or id_below(root, video)),
        video=video,
        captions=captions,
        name=shown(cells.video),
        bytes=cells.bytes,
        stamp=cells.stamp,
        caption_bytes=cells.caption_bytes,
        caption_stamp=cells.caption_stamp,
        language=cells.language,
        interval=cells.interval,
        extra=cells.extra,
    )


def _places(root: str, cells: Cells) -> tuple[str, str]:
    try:
        return below(root, cells.video), below(root, cells.captions) if cells.captions else ""
    except ValueError as error:
        raise ListingError("E_FETCH", f"the path {error}") from error


def _versioned(
    found: Sequence[SourceFile], rejects: list[dict[str, Any]], threads: int
) -> Iterator[SourceFile]:
    """Fill in sizes and versions where the rows do not give them."""
    asked = (source for source in found if source.bytes < 0)
    paths = (path for source in asked for path in (source.video, source.captions))
    remote = remote_versions(filter(is_url, paths), threads)
    for source in found:
        if source.bytes >= 0:
            yield source
            continue
        try:
            num_bytes, stamp = _version("video", source.video, remote)
            caption_bytes, caption_stamp = _version("captions", source.captions, remote)
        except ListingError as refused:
            rejects.append(refused_row(source.video_id, refused, source.name))
            continue
        yield dataclasses.replace(
            source,
            bytes=num_bytes,
            stamp=stamp,
            caption_bytes=caption_bytes,
            caption_stamp=caption_stamp,
        )


def _version(what: str, path: str, remote: Mapping[str, Version | str]) -> Version:
    if not path:
        return 0, ""
    version = remote[path] if is_url(path) else local_version(path)
    if isinstance(version, str):
        raise ListingError("E_FETCH", f"{what}: {version}")
    return version
