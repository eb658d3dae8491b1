"""A source as a file on this machine: itself, or a bounded copy for as long as it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from configs.sources import LimitsConfig
from pipeline.media.errors import MediaError
from shards import storage
from shards.stores.errors import ChangedError, TooLargeError
from shards.stores.scratch import reserved


class Listed(Protocol):
    """What of a listed source counts here.

    Attributes:
        video: Local path or URL.
        bytes: Size when it was listed, -1 for unknown.
        stamp: Version when it was listed, empty for unknown.
    """

    @property
    def video(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def stamp(self) -> str: ...


@contextmanager
def local_copy(source: Listed, limits: LimitsConfig, scratch_bytes: int) -> Iterator[Path]:
    """Yield where a video can be read on this machine; a copy in scratch is deleted afterwards.

    Args:
        source: The video. A local one is yielded as it is, unchecked.
        limits: `file_bytes` bounds the copy.
        scratch_bytes: Bytes that all copies on this machine together may take; a download waits
            until it fits.

    Raises:
        MediaError: E_FETCH if it cannot be had, E_CHANGED if it is not what was listed, E_HUGE
            if it is larger than `limits.file_bytes`.
        OSError: If scratch cannot be written.
        ValueError: If `scratch_bytes` is below `limits.file_bytes`.
    """
    if not storage.is_remote(source.video):
        yield storage.local_path(source.video)
        return
    if scratch_bytes < limits.file_bytes:
        # Else it would depend on this machine which sources are taken.
        raise ValueError(
            "shards.scratch_bytes must be at least sources.limits.file_bytes, "
            f"got {scratch_bytes} and {limits.file_bytes}"
        )
    num_bytes, version = _looked_at(source)
    if num_bytes > limits.file_bytes:
        raise _too_large(limits)
    room = num_bytes if num_bytes >= 0 else limits.file_bytes
    with reserved(room, scratch_bytes) as path:
        _download(source.video, path, (num_bytes, version), limits)
        yield path


def _looked_at(source: Listed) -> tuple[int, str]:
    try:
        num_bytes, version = storage.version_of(source.video)
    except OSError as error:
        raise MediaError("E_FETCH", _words(error)) from None
    if (source.bytes >= 0 and num_bytes not in {-1, source.bytes}) or (
        source.stamp and version != source.stamp
    ):
        raise _changed()
    return num_bytes, version


def _download(url: str, path: Path, known: tuple[int, str], limits: LimitsConfig) -> None:
    num_bytes, _ = known
    most = num_bytes if num_bytes >= 0 else limits.file_bytes
    try:
        storage.download(url, path, known, most)
    except ChangedError:
        raise _changed() from None
    except TooLargeError:
        raise (_changed() if num_bytes >= 0 else _too_large(limits)) from None
    except OSError as error:
        if error.filename == str(path):  # our disk, and no fault of the source
            raise
        raise MediaError("E_FETCH", _words(error)) from None


def _changed() -> MediaError:
    return MediaError("E_CHANGED", "video: changed since it was listed; run again")


def _too_large(limits: LimitsConfig) -> MediaError:
    return MediaError("E_HUGE", f"more than {limits.file_bytes} bytes (sources.limits.file_bytes)")


def _words(error: OSError) -> str:
    return f"video: cannot be fetched: {error.strerror or error}"
