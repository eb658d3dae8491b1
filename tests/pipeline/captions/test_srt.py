import pytest

from pipeline.captions.cue import CaptionError
from pipeline.captions.srt import parse_srt


def test_indexes_are_not_speech_and_may_be_missing():
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}one\nmore\n\n"
        "2\n00:00:03,000 --> 00:00:04,000\n42\n\n00:00:05,000 --> 00:00:06,000\nthree"
    )
    assert [(cue.start_s, cue.text) for cue in parse_srt(text).cues] == [
        (1.0, "one more"),
        (3.0, "42"),
        (5.0, "three"),
    ]


def test_cues_out_of_order_are_sorted_and_flagged():
    text = "00:00:05,000 --> 00:00:06,000\nb\n\n00:00:01,000 --> 00:00:02,000\na\n"
    captions = parse_srt(text)
    assert [cue.text for cue in captions.cues] == ["a", "b"]
    assert "W_CAPORDER" in captions.flags


def test_a_cue_without_times_is_not_the_speech_of_the_one_before():
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\none\n\nmore\n\n2\nlost\n\n"
        "3\n00:00:03 --> 00:00:04\nthree\n\n4\nsoon --> 00:00:06,000\nlost\n"
    )
    captions = parse_srt(text)
    assert [(cue.start_s, cue.text) for cue in captions.cues] == [(1.0, "one more"), (3.0, "three")]
    assert captions.flags == {"W_CAPTIME"}


def test_text_without_times_is_an_error():
    with pytest.raises(CaptionError, match="E_CAPPARSE"):
        parse_srt("just a story\n")
