import pytest

from pipeline.captions.cue import CaptionError, Cue
from pipeline.captions.substation import parse_substation

HEAD = "[Script Info]\nTitle: a\n\n[V4+ Styles]\nFormat: Name\nStyle: Default\n\n[Events]\n"
FORMAT = "Format: Layer, Start, End, Style, Text\n"


def test_dialogue_is_read_and_comments_are_not():
    captions = parse_substation(
        HEAD
        + FORMAT
        + "Comment: 0,0:00:00.00,0:00:09.00,Default,not spoken\n"
        + r"Dialogue: 0,0:00:01.50,0:00:03:25,Default,{\pos(1,2)}cut, then\Nstir\hit {note}"
        + "\n"
    )
    assert captions.cues == [Cue(1.5, 3.25, "cut, then stir it")]
    assert captions.format == "ass"


def test_without_a_format_line_the_usual_columns_hold():
    line = "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,cut, stir\n"
    assert parse_substation(HEAD + line).cues == [Cue(1.0, 2.0, "cut, stir")]


def test_a_line_without_times_is_left_out_and_flagged():
    line = "Dialogue: 0,0:00:01.00,0:00:02.00,Default,a\n"
    captions = parse_substation(HEAD + FORMAT + "Dialogue: 0,soon,later,Default,b\n" + line)
    assert [cue.text for cue in captions.cues] == ["a"] and captions.flags == {"W_CAPTIME"}


def test_no_dialogue_is_a_parse_error():
    with pytest.raises(CaptionError, match="E_CAPPARSE"):
        parse_substation(HEAD + FORMAT)
