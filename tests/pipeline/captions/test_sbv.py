import pytest

from pipeline.captions.cue import CaptionError, Cue
from pipeline.captions.sbv import parse_sbv


def test_blocks_are_cues_and_one_without_times_is_flagged():
    captions = parse_sbv(
        "0:00:00.500,0:00:02.000\ncut\nit\n\n0:00:1x.000,0:00:03.000\nlost\n\n"
        "0:00:03.000,0:00:04.000\nstir\n"
    )
    assert captions.cues == [Cue(0.5, 2.0, "cut it"), Cue(3.0, 4.0, "stir")]
    assert (captions.flags, captions.format) == ({"W_CAPTIME"}, "sbv")


def test_no_times_at_all_are_a_parse_error():
    with pytest.raises(CaptionError, match="E_CAPPARSE"):
        parse_sbv("just a story\n")
