"""`sources.path` -> the sources: each kind of listing has a module of its own."""

from pathlib import Path

from configs.sources import SourcesConfig
from pipeline.listing.folder import list_folder
from pipeline.listing.source import Listing


def list_sources(sources: SourcesConfig) -> Listing:
    """Return what there is to build from.

    Raises:
        ValueError: If `sources.path` cannot be listed, or holds no video.
    """
    return list_folder(Path(sources.path or "."), sources.limits)
