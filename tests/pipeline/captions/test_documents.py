import pytest

from pipeline.captions.cue import CaptionError
from pipeline.captions.documents import read_json, seconds


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "{", "", "1" * 5000])
def test_no_json_and_bombs_are_a_parse_error(text):
    with pytest.raises(CaptionError, match="E_CAPPARSE"):
        read_json(text)


def test_nan_and_infinity_are_no_values():
    assert read_json("[NaN, -Infinity, 1]") == [None, None, 1]


@pytest.mark.parametrize("value", [None, True, "1", [], 1e300, float("nan"), 10**500])
def test_what_no_clock_computes_with_is_no_time(value):
    assert seconds(value) is None


def test_times_are_kept_to_the_millisecond():
    assert seconds(1.23456) == 1.235
