from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from pipeline.media.errors import MediaError
from pipeline.media.picture import Scaler, _turn, display_size, nearest_quarter


@pytest.mark.parametrize(
    ("coded", "sar", "rotation", "want"),
    [
        ((1920, 1080), Fraction(1), 0, (456, 256)),
        ((1920, 1080), Fraction(1), 90, (256, 456)),
        ((320, 240), Fraction(1), 180, (342, 256)),
        ((720, 576), Fraction(16, 15), 0, (342, 256)),
        ((256, 256), Fraction(1), 0, (256, 256)),
    ],
)
def test_the_short_side_is_as_wanted_and_both_are_even(coded, sar, rotation, want):
    assert display_size(*coded, sar, rotation, 256) == want


def test_angles_snap_to_quarter_turns():
    assert [nearest_quarter(one) for one in (0, -90, 179, 271, 360)] == [0, 270, 180, 270, 0]


def test_a_ribbon_is_refused():
    frame = av.VideoFrame.from_ndarray(np.zeros((4, 8000, 3), np.uint8), format="rgb24")
    with pytest.raises(MediaError, match="E_HUGE"):
        Scaler(256, 8192, wants_rgb=False).fix(frame, Fraction(1))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_planes_are_turned_whatever_their_sides(quarters):
    """342x256 turned is 256 wide, and a plane of 171x128 fills no whole number of its rows."""
    gray = np.zeros((256, 342, 3), np.uint8)
    gray[:32, :32] = 255
    frame = av.VideoFrame.from_ndarray(gray, format="rgb24").reformat(format="yuv420p")
    turned = _turn(frame, quarters).to_ndarray(format="rgb24")
    want = np.rot90(gray, quarters)
    assert turned.shape == want.shape
    assert np.abs(turned.astype(int) - want).mean() < 3


def marked_corner(width: int = 96, height: int = 64) -> np.ndarray:
    """A grey picture whose top left corner is red."""
    frame = np.full((height, width, 3), 120, np.uint8)
    frame[: height // 4, : width // 4] = (230, 20, 20)
    return frame


def upright(frame: av.VideoFrame, *, wants_rgb: bool, rotation: int = 0) -> np.ndarray:
    """Scale to a short side of 32 and return RGB."""
    scaler = Scaler(32, 8192, wants_rgb=wants_rgb)
    scaler.fix(frame, Fraction(1))
    scaler.rotation = rotation
    if rotation % 180:
        assert scaler.size is not None
        scaler.size = scaler.size[::-1]
    scaled = scaler.upright(frame)
    assert scaled.format.name == ("rgb24" if wants_rgb else "yuv420p")
    return scaled.reformat(format="rgb24", src_colorspace="ITU601").to_ndarray()


@pytest.mark.parametrize("wants_rgb", [True, False])
@pytest.mark.parametrize(
    ("rotation", "corner"), [(0, (0, 0)), (90, (-1, 0)), (180, (-1, -1)), (270, (0, -1))]
)
def test_planes_turn_as_pixels_do(wants_rgb, rotation, corner):
    frame = av.VideoFrame.from_ndarray(marked_corner(), format="rgb24")
    turned = upright(frame, wants_rgb=wants_rgb, rotation=rotation)
    assert turned.shape == ((48, 32, 3) if rotation % 180 else (32, 48, 3))
    rows, columns = ([0, -1], [0, -1])
    red = [(y, x) for y in rows for x in columns if turned[y, x, 0] > turned[y, x, 1] + 80]
    assert red == [corner]


@pytest.mark.parametrize("source", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "gbrp", "gray"])
def test_planes_and_pixels_show_the_same(source):
    pixels = np.full((64, 96, 3), 120, np.uint8)
    pixels[20:44, 30:66] = 220
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=source)
    one, other = (upright(frame, wants_rgb=wanted) for wanted in (True, False))
    assert np.abs(one.astype(int) - other).mean() < 3


def test_full_range_becomes_limited():
    planes = np.full((96, 64), 128, np.uint8)
    planes[:64] = 255
    frame = av.VideoFrame.from_ndarray(planes, format="yuvj420p")
    scaler = Scaler(32, 8192, wants_rgb=False)
    scaler.fix(frame, Fraction(1))
    assert scaler.upright(frame).to_ndarray()[:32].mean() == pytest.approx(235, abs=1)


@pytest.mark.parametrize(("told", "want"), [(1, 1), (5, 5), (9, 9), (2, 2), (0, 6), (14, 2)])
def test_the_clip_names_the_matrix_of_its_source_where_it_is_known(told, want):
    frame = av.VideoFrame(64, 64, "yuv420p")
    frame.colorspace = told
    scaler = Scaler(32, 8192, wants_rgb=False)
    scaler.fix(frame, Fraction(1))
    assert scaler.matrix == want


def test_the_encoder_of_the_source_does_not_choose_our_key_frames(tmp_path, make_video):
    path = make_video(tmp_path / "a.mp4", fps=Fraction(10), num_frames=12)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    scaler = Scaler(32, 8192, wants_rgb=False)
    scaler.fix(frames[0], Fraction(1))
    assert {frame.pict_type for frame in frames} != {PictureType.NONE}
    assert {scaler.upright(frame).pict_type for frame in frames} == {PictureType.NONE}
