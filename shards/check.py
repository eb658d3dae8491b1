"""One tar against its record: every byte, every place, and a few decoded clips."""

from typing import Any

from shards import storage
from shards.clipcodec import decode_audio, stored_frames
from shards.read import PlacedSample, read_placed_samples
from shards.schema import Sample
from shards.write import PartRecord


def check_part(path: str, part: PartRecord, *, num_decoded: int) -> list[str]:
    """Return what is wrong with a tar, nothing where it is whole.

    Args:
        path: Where the tar lies.
        part: Its record. Rows hold at least `key`, `offset` and `length`.
        num_decoded: Samples, spread evenly, whose clip and audio are decoded.
    """
    if not storage.exists(path):
        return [f"{path} is missing"]
    if (size := storage.size_of(path)) != part.bytes:
        return [f"{path} must have {part.bytes} bytes, got {size}"]
    if (sha256 := storage.sha256_of(path)) != part.sha256:
        return [f"{path} must have SHA-256 {part.sha256}, got {sha256}: it is damaged"]
    places: list[tuple[str, int, int]] = []
    problems: list[str] = []
    decoded = _spread(part.num_samples, num_decoded)
    try:
        for index, placed in enumerate(read_placed_samples(path)):
            places.append((placed.key, placed.offset, placed.length))
            if index in decoded:
                problems += _check_media(path, placed)
    except ValueError as error:
        return [*problems, str(error)]
    return problems + _check_places(path, part, places)


def _check_places(path: str, part: PartRecord, places: list[tuple[str, int, int]]) -> list[str]:
    if len(places) != part.num_samples or len(part.rows) != part.num_samples:
        return [
            f"{path} must hold {part.num_samples} samples, got {len(places)} in the tar and "
            f"{len(part.rows)} in its record"
        ]
    listed = [_place(row) for row in part.rows]
    return [
        f"{path} must hold {want} as its record says, got {got}"
        for want, got in zip(listed, places, strict=True)
        if want != got
    ]


def _place(row: dict[str, Any]) -> tuple[str, int, int]:
    return row["key"], row["offset"], row["length"]


def _spread(total: int, count: int) -> set[int]:
    return {index * total // count for index in range(count)} if total else set()


def _check_media(path: str, placed: PlacedSample) -> list[str]:
    sample: Sample = placed.sample
    try:
        stored_frames(sample)
        if sample.audio is not None:
            decode_audio(sample.audio)
    except ValueError as error:
        return [f"{path}, sample {placed.key}: {error}"]
    return []
