"""`sources.path` -> the sources: each kind of listing has a module of its own."""

from typing import Literal

from configs.sources import SourcesConfig
from pipeline.listing.folder import list_folder
from pipeline.listing.howto100m import VIDEO_TABLE, list_howto100m
from pipeline.listing.paths import absolute, is_folder
from pipeline.listing.source import Listing
from pipeline.listing.table import list_table
from shards import storage

CACHE = "_index"
"""Subfolder of an output for what took long to find out about its sources."""


def list_sources(sources: SourcesConfig, cache: str = "") -> Listing:
    """Return what there is to build from.

    Args:
        sources: Where it lies and what it is.
        cache: Folder that keeps what takes long to find out; empty: nothing is kept.

    Raises:
        ValueError: If `sources.path` cannot be listed, or holds no video.
    """
    if not sources.path:
        raise ValueError("sources.path must name a folder or a listing, got nothing")
    if not storage.exists(absolute(sources.path)) and not is_folder(absolute(sources.path)):
        raise ValueError(
            f"sources.path must be a folder of videos or a listing, got {sources.path!r}, "
            "which does not exist"
        )
    match sources.kind if sources.kind != "auto" else _kind(absolute(sources.path)):
        case "folder":
            return list_folder(sources)
        case "listing":
            return list_table(sources)
        case "howto100m":
            return list_howto100m(sources, cache)


def _kind(path: str) -> Literal["folder", "listing", "howto100m"]:
    if path.rpartition("/")[2] == VIDEO_TABLE:
        return "howto100m"
    if not is_folder(path):
        return "listing"
    return "howto100m" if storage.exists(storage.join(path, VIDEO_TABLE)) else "folder"
