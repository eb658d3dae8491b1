import av
import numpy as np
import pytest

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media.decode import make_request
from pipeline.media.quality import brightness, picture_flags, small_luma, sound_flags


@pytest.fixture
def request_(tmp_path):
    return make_request(tmp_path, ClipsConfig(), LimitsConfig())


def grey(level: int) -> np.ndarray:
    """Luma of an even picture, as `small_luma` returns it."""
    return np.full((8, 12), level, np.int16)


@pytest.mark.parametrize(("colour", "want"), [((0, 0, 0), 0.0), ((255, 255, 255), 1.0)])
def test_black_is_nought_and_white_is_one_however_a_picture_is_kept(colour, want):
    pixels = np.full((64, 64, 3), colour, np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    assert brightness(small_luma(frame)) == pytest.approx(want, abs=0.01)
    planes = frame.reformat(format="yuv420p")
    assert brightness(small_luma(planes)) == pytest.approx(want, abs=0.01)


def test_luma_is_thinned_out_within_the_picture_and_not_in_its_padding():
    frame = av.VideoFrame(50, 34, "yuv420p")
    plane = frame.planes[0]
    rows = np.full((34, plane.line_size), 250, np.uint8)
    rows[:, :50] = 100
    plane.update(rows.tobytes())
    luma = small_luma(frame)
    assert luma.shape == (9, 13) and (luma == 100).all()


def test_half_of_the_pictures_black_make_a_black_clip(request_):
    assert "W_BLACK" in picture_flags([grey(16)] * 16 + [grey(150)] * 16, request_)
    assert "W_BLACK" not in picture_flags([grey(16)] * 15 + [grey(150)] * 17, request_)
    assert picture_flags([grey(16)] * 32, request_) == ["W_BLACK", "W_DARK", "W_STATIC"]


def test_a_dark_clip_is_not_yet_black(request_):
    flags = picture_flags([grey(16 + 15 + 3 * (place % 2)) for place in range(32)], request_)
    assert flags == ["W_DARK"]


def test_a_clip_is_static_where_no_picture_differs_from_the_first(request_):
    still = [grey(120)] * 32
    assert picture_flags(still, request_) == ["W_STATIC"]
    assert picture_flags([*still[:-1], grey(124)], request_) == []


def test_noise_of_the_codec_is_no_motion_and_a_small_thing_that_moves_is(request_):
    rng = np.random.default_rng(0)
    noisy = [grey(120) + (rng.random((8, 12)) < 0.2) for _ in range(32)]
    assert picture_flags(noisy, request_) == ["W_STATIC"]
    moved = grey(120)
    moved[2, 3] = 220
    assert picture_flags([grey(120)] * 16 + [moved] * 16, request_) == []


def test_silence_is_flagged_by_its_level(request_):
    assert sound_flags(np.zeros(51_200, np.int16), request_) == ["W_SILENT"]
    assert sound_flags(np.full(51_200, 20, np.int16), request_) == ["W_SILENT"]  # -64 dB
    assert sound_flags(np.full(51_200, 50, np.int16), request_) == []  # -56 dB
    loud = np.full(51_200, -32_768, np.int16)
    assert sound_flags(loud, request_) == []


def test_thresholds_are_settings(tmp_path):
    clips = ClipsConfig(black_below=0, dark_below=0, static_below=0, silent_below_db=-90)
    request = make_request(tmp_path, clips, LimitsConfig())
    assert picture_flags([grey(16)] * 32, request) == []
    assert sound_flags(np.full(51_200, 2, np.int16), request) == []
