"""Files that are cut off, lack their index or are encrypted are known by their bytes."""

import struct

import pytest

from pipeline.media.containers import is_cut_off, is_encrypted, lacks_index


def box(kind: bytes, content: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack(">I4s", 8 + len(content) if size is None else size, kind) + content


FTYP, MOOV, MDAT = box(b"ftyp", b"isom0000"), box(b"moov", b"x" * 40), box(b"mdat", b"y" * 100)
LARGE = struct.pack(">I4sQ", 1, b"mdat", 116) + b"y" * 100
RIFF = b"RIFF" + struct.pack("<I", 200) + b"AVI " + bytes(196)
TS = (b"\x47" + bytes(187)) * 4
EBML = b"\x1a\x45\xdf\xa3\x84abcd\x18\x53\x80\x67"


@pytest.mark.parametrize(
    ("data", "is_cut"),
    [
        (FTYP + MOOV + MDAT, False),
        (FTYP + MOOV + MDAT[:-1], True),
        (FTYP + MOOV + LARGE, False),
        (FTYP + MOOV + LARGE[:-1], True),
        (FTYP + MOOV + box(b"mdat", b"y", size=0), False),
        (FTYP + MOOV + MDAT + b"junk of any length", False),
        (FTYP + MOOV + MDAT + b"jnk", False),
        (RIFF, False),
        (RIFF[:-1], False),
        (RIFF[:-2], True),
        (TS, False),
        (TS[:-20], True),
        (b"".join(bytes(4) + b"\x47" + bytes(187) for _ in range(4)), False),
        (EBML + b"\x8a0123456789", False),
        (EBML + b"\x8a012345678", True),
        (EBML + b"\x01\0\0\0\0\0\0\x0a0123456789", False),
        (EBML + b"\x01\0\0\0\0\0\0\x0b0123456789", True),
        (EBML + b"\x01" + b"\xff" * 7 + b"live", False),
        (EBML, False),
        (b"", False),
        (b"some text", False),
    ],
)
def test_a_container_longer_than_its_file_is_cut_off(tmp_path, data, is_cut):
    path = tmp_path / "a"
    path.write_bytes(data)
    assert is_cut_off(path) == is_cut


@pytest.mark.parametrize(
    ("data", "lacks"),
    [
        (FTYP + MDAT + MOOV, False),
        (FTYP + MDAT, True),
        (FTYP, True),
        (FTYP + MDAT[:50], True),
        (b"", False),
        (b"some text or other", False),
        (RIFF, False),
    ],
)
def test_an_iso_file_without_moov_lacks_its_index(tmp_path, data, lacks):
    path = tmp_path / "a"
    path.write_bytes(data)
    assert lacks_index(path) == lacks


def test_an_encrypted_track_stands_in_the_index_only(tmp_path):
    path = tmp_path / "a"
    entry = box(b"encv", box(b"sinf", b"avc1cenc"))
    for data, is_so in (
        (FTYP + box(b"moov", entry), True),
        (FTYP + MDAT + box(b"moov", entry), True),
        (FTYP + MOOV + box(b"mdat", entry), False),
        (FTYP + box(b"moov", b"encv"), False),
    ):
        path.write_bytes(data)
        assert is_encrypted(path) == is_so


@pytest.mark.parametrize(
    "name",
    [
        "mp4parse-rust_mp4parse_capi__short-cenc.mp4",
        "exoplayer_mkv_subsample_encrypted_noaltref.webm",
    ],
)
def test_real_encrypted_videos_are_rejected_as_such(test_data, name):
    from configs.clips import ClipsConfig
    from configs.sources import LimitsConfig
    from pipeline.media.decode import decode_source, make_request
    from pipeline.media.errors import MediaError

    request = make_request(test_data / "nasty_media" / name, ClipsConfig(), LimitsConfig())
    with pytest.raises(MediaError, match="E_DRM"):
        decode_source(request, LimitsConfig(), lambda _: [0], lambda *_: None)
