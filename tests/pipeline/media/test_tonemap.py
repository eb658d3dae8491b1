"""Colours of a bright display become colours of an ordinary one."""

import itertools

import numpy as np
import pytest

from pipeline.media.tonemap import HLG, PQ, tone_map

# Signals of reference white: 203 cd/m2 on a display of 1000 (ITU-R BT.2408, table 1).
WHITE = {PQ: 0.58, HLG: 0.75}


def mapped(signal, transfer: int) -> np.ndarray:
    pixels = np.full((2, 2, 3), 0, np.uint16)
    pixels[:] = np.round(np.array(signal) * 65535).astype(np.uint16)
    return tone_map(pixels, transfer)[0, 0]


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_black_is_black_white_is_bright_and_the_peak_is_the_brightest(transfer):
    black, white = mapped([0, 0, 0], transfer), mapped([WHITE[transfer]] * 3, transfer)
    peak = mapped([0.7518 if transfer == PQ else 1.0] * 3, transfer)
    assert black.tolist() == [0, 0, 0]
    assert 185 < white.min() <= white.max() < 235
    assert peak.min() >= 254


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_gray_stays_gray_and_brightness_keeps_its_order(transfer):
    grays = [mapped([level] * 3, transfer).astype(int) for level in np.linspace(0, 1, 40)]
    assert max(np.ptp(gray) for gray in grays) <= 1
    assert all(one[0] <= two[0] for one, two in itertools.pairwise(grays))


def test_the_same_light_has_the_same_colour_in_both():
    one, two = (mapped([WHITE[transfer]] * 3, transfer).astype(int) for transfer in (PQ, HLG))
    assert abs(one - two).max() <= 4


def test_dim_light_is_shown_as_it_was():
    """20 cd/m2 of PQ lie below the knee: a tenth of white, by the gamma of the display."""
    signal = 0.3564
    want = 255 * (20 / 203) ** (1 / 2.4)
    assert abs(int(mapped([signal] * 3, PQ)[1]) - want) < 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_colour_stays_the_colour_that_it_was(place):
    signal = [0.1, 0.1, 0.1]
    signal[place] = 0.5
    assert np.argmax(mapped(signal, PQ)) == place


def test_the_pixels_are_what_they_were():
    pixels = np.random.default_rng(3).integers(0, 1 << 16, (64, 64, 3)).astype(np.uint16)
    sums = [int(tone_map(pixels, transfer).astype(np.int64).sum()) for transfer in (PQ, HLG)]
    assert sums == [1322288, 1434981]
