from fractions import Fraction

import av
import numpy as np
import pytest

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
