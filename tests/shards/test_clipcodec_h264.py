import io
import platform
from itertools import islice, pairwise

import av
import numpy as np
import pytest

from shards import clipcodec_h264
from shards.clipcodec_h264 import decode_h264, encode_planes


def grey(levels: list[int], chroma: int = 128) -> list[av.VideoFrame]:
    frames = []
    for level in levels:
        planes = np.full((96, 64), chroma, np.uint8)
        planes[:64] = level
        frames.append(av.VideoFrame.from_ndarray(planes, format="yuv420p"))
    return frames


def test_planes_are_stored_as_they_are_without_a_turn_through_rgb():
    data = encode_planes(grey([40, 120, 200]), 10, 5)
    with av.open(io.BytesIO(data)) as container:
        levels = [int(frame.to_ndarray()[:64].mean()) for frame in container.decode(video=0)]
    assert levels == [40, 120, 200]


@pytest.mark.parametrize(("matrix", "kr"), [(1, 0.2126), (6, 0.299)])
def test_both_decoders_follow_the_matrix_that_the_clip_names(matrix, kr):
    pytest.importorskip("decord")
    # Red of full strength as that matrix writes it
    luma = round(16 + 219 * kr)
    planes = np.full((96, 64), 240, np.uint8)
    planes[:64] = luma
    planes[64:80] = round(128 + 224 * (0 - kr) / (2 * (1 - (0.0722 if matrix == 1 else 0.114))))
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    data = encode_planes([frame], 10, 1, matrix)
    for decoder in ("decord", "pyav"):
        red, green, blue = decode_h264(data, decoder)[0].reshape(-1, 3).mean(axis=0)
        assert red > 248 and green < 8 and blue < 8


def test_frames_may_be_shared_by_clips_that_overlap():
    frames = grey([20, 60, 100, 140, 180])
    clips = [encode_planes(frames[start : start + 3], 10, 5) for start in range(3)]
    assert clips[0] == encode_planes(grey([20, 60, 100]), 10, 5)
    levels = [decode_h264(clip, "pyav").mean(axis=(1, 2, 3)) for clip in clips]
    for one, other in pairwise(levels):
        assert np.allclose(one[1:], other[:2], atol=2)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names instructions of x86")
def test_bytes_are_those_of_a_processor_without_the_newest_instructions(test_data, monkeypatch):
    with av.open(str(test_data / "narrated" / "luck_talk.mp4")) as container:
        pictures = [
            av.VideoFrame.from_ndarray(
                frame.reformat(456, 256, "yuv420p", threads=1).to_ndarray(), format="yuv420p"
            )
            for frame in islice(container.decode(video=0), 0, 96, 3)
        ]
    here = encode_planes(pictures, 10, 18)
    monkeypatch.setattr(clipcodec_h264, "_INSTRUCTIONS", ":asm=ssse3")
    assert encode_planes(pictures, 10, 18) == here
