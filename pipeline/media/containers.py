"""What the bytes of a container say that FFmpeg does not: cut off, without an index, encrypted."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BOX_HEADER_BYTES = 8
# A live recording of a day has a fragment of two boxes every two seconds.
_MAX_BOXES = 1 << 17
_FIRST_BOXES = (b"ftyp", b"styp", b"mdat", b"wide", b"free", b"skip", b"moov")
_OTHER_BOXES = (b"moof", b"mfra", b"sidx", b"ssix", b"uuid", b"meta", b"udta", b"pnot", b"emsg",
                b"prft", b"pdin", b"imda")  # fmt: skip
_MAX_INDEX_BYTES = 64 << 20
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_TS_SYNC = 0x47
_TS_PACKETS = ((188, 0), (192, 4))  # bytes of a packet, and where in it the sync byte stands


def lacks_index(path: Path) -> bool:
    """Return whether this is an ISO file (MP4, MOV) without its moov box."""
    with path.open("rb") as file:
        kinds = [kind for kind, _, _ in _boxes(file, path.stat().st_size)]
        file.seek(0)
        return bool(kinds) and b"moov" not in kinds and _has_first_box(file)


def is_cut_off(path: Path) -> bool:
    """Return whether the container says that it is longer than the file; False if unsure.

    ISO boxes, RIFF and Matroska tell their sizes; a transport stream ends between two packets.
    """
    num_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(512)
        if start[:4] == b"RIFF":
            stop = 8 + int.from_bytes(start[4:8], "little")
            # Some writers leave the padding byte of the last chunk out.
            return stop < 0xFFFFFFF0 and stop > num_bytes + 1
        if start[:4] == _EBML:
            return _segment_stop(start) > num_bytes
        for packet_bytes, at in _TS_PACKETS:
            syncs = start[at::packet_bytes][:2]
            if list(syncs) == [_TS_SYNC, _TS_SYNC]:
                return bool(num_bytes % packet_bytes)
        if not _has_first_box(start):
            return False
        return any(stop > num_bytes for _, _, stop in _boxes(file, num_bytes))


def is_encrypted(path: Path) -> bool:
    """Return whether the index of an ISO file describes an encrypted picture track."""
    with path.open("rb") as file:
        for kind, start, stop in _boxes(file, path.stat().st_size):
            if kind == b"moov":
                file.seek(start)
                index = file.read(min(stop - start, _MAX_INDEX_BYTES))
                return b"encv" in index and b"sinf" in index
    return False


def _has_first_box(start: bytes | BinaryIO) -> bool:
    head = start if isinstance(start, bytes) else start.read(_BOX_HEADER_BYTES)
    return head[4:8] in _FIRST_BOXES


def _boxes(file: BinaryIO, num_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, start, stop) of top-level boxes, until something else follows.

    `stop` may lie past the end of the file.
    """
    start = 0
    for _ in range(_MAX_BOXES):
        file.seek(start)
        header = file.read(16)
        kind, size = header[4:8], int.from_bytes(header[:4])
        if len(header) < _BOX_HEADER_BYTES or kind not in _FIRST_BOXES + _OTHER_BOXES:
            return
        if size == 1:
            size = int.from_bytes(header[8:16])
        elif size == 0:
            size = num_bytes - start
        if size < _BOX_HEADER_BYTES:
            return
        yield kind, start, start + size
        start += size
        if start >= num_bytes:
            return


def _segment_stop(start: bytes) -> int:
    """Return where the segment of a Matroska file ends; 0 where it does not tell."""
    at = start.find(_SEGMENT)
    if at < 0 or at + 5 > len(start):
        return 0
    at += len(_SEGMENT)
    num_bytes = 9 - start[at].bit_length()
    value = int.from_bytes(start[at : at + num_bytes]) & ((1 << (7 * num_bytes)) - 1)
    is_unknown = value == (1 << (7 * num_bytes)) - 1
    return 0 if is_unknown else at + num_bytes + value
