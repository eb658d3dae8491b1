import pytest

from pipeline.reports.text import clean, duration, number, percent, shorten


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07rest", "rest"),
        ("a\x00b\x9bc", "abc"),
        ("safe\u202egpj.exe\u2066x", "safegpj.exex"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("\u05e9\u05dc\u05d5\u05dd \u4f60\u597d", "\u05e9\u05dc\u05d5\u05dd \u4f60\u597d"),
        ("two\nlines\tkept", "two\nlines\tkept"),
    ],
)
def test_cleaning_keeps_letters_of_any_script_and_drops_what_is_not_seen(dirty, expected):
    assert clean(dirty) == expected


def test_figures_are_rounded_to_what_one_reads():
    assert number(0.78123) == "0.781"
    assert number(1234) == "1\u202f234"
    assert number(0.000012345) == "1.23e-05"
    assert number(None) == number(True) == "\u2013"
    assert number(float("nan")) == "nan"
    assert percent(0.71345) == "71.3\u202f%"
    assert percent("x") == "\u2013"
    assert duration(7200) == "2.0\u202fh"
    assert duration(12.34) == "12.3\u202fs"
    assert shorten("abcdef", 4) == "abc\u2026"
