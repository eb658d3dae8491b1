import io

import numpy as np
import pytest
from PIL import Image

from shards.clipcodec_jpegs import decode_jpegs, encode_jpegs, split_jpegs


def ramp(num_frames: int = 5, height: int = 34, width: int = 50) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    frames = [np.stack([2 * x + 9 * t, 3 * y, x + y + t], axis=2) for t in range(num_frames)]
    return np.stack(frames).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [1, 40, 90, 100])
def test_frames_come_back_one_by_one_and_all_together(quality):
    frames = ramp()
    data = encode_jpegs(frames, quality)
    pictures = split_jpegs(data)
    assert len(pictures) == 5 and b"".join(pictures) == data
    decoded = decode_jpegs(data)
    assert decoded.shape == frames.shape and decoded.dtype == np.uint8
    assert (decoded[3] == decode_jpegs(pictures[3])[0]).all()
    if quality >= 90:
        assert np.abs(decoded.astype(int) - frames).mean() < 2


def test_higher_quality_is_nearer_and_larger():
    frames = ramp()
    errors, sizes = [], []
    for quality in (20, 60, 95):
        data = encode_jpegs(frames, quality)
        errors.append(np.abs(decode_jpegs(data).astype(int) - frames).mean())
        sizes.append(len(data))
    assert errors == sorted(errors, reverse=True) and sizes == sorted(sizes)


def test_equal_frames_give_equal_bytes():
    assert encode_jpegs(ramp(), 90) == encode_jpegs(ramp(), 90)


def test_what_looks_like_an_end_inside_a_header_is_none():
    first = encode_jpegs(ramp(1), 90)
    # A comment that holds the marker of the end
    trapped = first[:2] + b"\xff\xfe\x00\x06\xff\xd9\xff\xd9" + first[2:]
    assert split_jpegs(trapped + first) == [trapped, first]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
def test_a_cut_sequence_is_refused(share):
    data = encode_jpegs(ramp(2), 90)
    with pytest.raises(ValueError, match="whole ones, got a broken one at byte"):
        decode_jpegs(data[: int(share * len(data))])


def test_what_is_no_sequence_is_refused():
    with pytest.raises(ValueError, match="byte 0"):
        decode_jpegs(b"<html>not a picture</html>")
    with pytest.raises(ValueError, match="frames of one size"):
        decode_jpegs(b"")
    with pytest.raises(ValueError, match="frames of one size"):
        decode_jpegs(encode_jpegs(ramp(1), 90) + encode_jpegs(ramp(1, 40, 40), 90))


def test_another_format_in_the_place_of_a_jpeg_is_refused():
    buffer = io.BytesIO()
    Image.fromarray(ramp(1)[0]).save(buffer, format="PNG")
    with pytest.raises(ValueError, match="broken one"):
        decode_jpegs(buffer.getvalue())
