"""A folder -> its videos, each with its captions; what does not fit becomes a reject."""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from configs.sources import LimitsConfig
from pipeline.captions.read import SUFFIXES as CAPTION_SUFFIXES
from pipeline.listing.source import (
    MAX_ID_BYTES,
    Listing,
    SourceFile,
    is_sound_id,
    normal_id,
    printable,
    reject_row,
)

VIDEO_SUFFIXES = frozenset(
    ".mp4 .mkv .webm .mov .avi .wmv .m4v .mpg .mpeg .ts .flv .3gp".split()  # noqa: SIM905
)


def list_folder(root: Path, limits: LimitsConfig) -> Listing:
    """Walk a folder.

    The id of a video is its path below the folder without the suffix.

    Raises:
        ValueError: If the folder is missing, cannot be read throughout or holds no video.
    """
    if not str(root) or not root.is_dir():
        raise ValueError(
            f"sources.path must be a folder of videos, got {str(root)!r}, which is no folder"
        )
    videos: dict[str, list[Path]] = defaultdict(list)
    captions: dict[str, list[Path]] = defaultdict(list)
    for folder, subfolders, names in os.walk(root, onerror=_refuse):
        subfolders.sort()
        paths = [Path(folder) / name for name in sorted(names)]
        suffixes = {path.suffix.lower() for path in paths}
        for path in paths:
            suffix = path.suffix.lower()
            if suffix in VIDEO_SUFFIXES:
                videos[_video_id(root, path)].append(path)
            # JSON is many things; beside a video it is taken for captions.
            elif suffix in CAPTION_SUFFIXES and (suffix != ".json" or suffixes & VIDEO_SUFFIXES):
                captions[_video_id(root, path)].append(path)
    if not videos:
        raise ValueError(
            "sources.path must hold videos "
            f"({' '.join(sorted(VIDEO_SUFFIXES))}), got none in {str(root)!r}"
        )
    listing = Listing()
    for video_id, paths in sorted(videos.items()):
        _add_video(listing, root, (video_id, paths), captions.get(video_id, []), limits)
    for video_id, paths in sorted(captions.items()):
        if video_id not in videos:
            _reject(listing, root, paths[0], video_id, ("E_CAPNOVIDEO", "captions without a video"))
    return listing


def _refuse(error: OSError) -> None:
    # Skipped in silence, its videos would count as removed, and their shards would go.
    raise ValueError(
        f"sources.path must be readable throughout, got {error.filename!r}: {error.strerror}"
    ) from error


def _video_id(root: Path, path: Path) -> str:
    return normal_id(path.relative_to(root).with_suffix("").as_posix())


def _add_video(
    listing: Listing,
    root: Path,
    named: tuple[str, list[Path]],
    captions: list[Path],
    limits: LimitsConfig,
) -> None:
    video_id, (path, *others) = named
    for other in others:
        reason = f"another video of this id: {printable(path.name)}"
        _reject(listing, root, other, video_id, ("E_DUPID", reason))
    captions = [one for one in captions if one.is_file()]
    problem = _problem(video_id, path, captions, limits)
    if problem is not None:
        _reject(listing, root, path, video_id, problem)
        return
    chosen = min(captions, key=lambda one: CAPTION_SUFFIXES.index(one.suffix.lower()))
    video_stat, caption_stat = path.stat(), chosen.stat()
    source = SourceFile(
        video_id=video_id,
        video=str(path.absolute()),
        captions=str(chosen.absolute()),
        name=path.relative_to(root).as_posix(),
        bytes=video_stat.st_size,
        stamp=str(video_stat.st_mtime_ns),
        caption_bytes=caption_stat.st_size,
        caption_stamp=str(caption_stat.st_mtime_ns),
    )
    listing.sources.append(source)


def _problem(
    video_id: str, path: Path, captions: Sequence[Path], limits: LimitsConfig
) -> tuple[str, str] | None:
    if not is_sound_id(video_id):
        return "E_ID", f"an id must be printable and of at most {MAX_ID_BYTES} bytes of UTF-8"
    if not path.is_file():
        return "E_FETCH", "the file cannot be read"
    size = path.stat().st_size
    if not size:
        return "E_EMPTY", "the file has no bytes"
    if size > limits.file_bytes:
        return "E_HUGE", f"{size} bytes, at most {limits.file_bytes} (sources.limits.file_bytes)"
    if not captions:
        return "W_NOCAP", f"no {', '.join(CAPTION_SUFFIXES)} of the same name"
    return None


def _reject(listing: Listing, root: Path, path: Path, video_id: str, why: tuple[str, str]) -> None:
    name = printable(path.relative_to(root).as_posix())
    row = reject_row(printable(video_id), *why, stage="listing", source=name)
    listing.rejects.append(row)
