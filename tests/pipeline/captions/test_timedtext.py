import pytest

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError, Cue
from pipeline.captions.read import parse_captions
from shards.schema import Word


def parse(text):
    return parse_captions(text.encode(), LimitsConfig())


def test_srv3_says_what_json3_says():
    captions = parse(
        '<?xml version="1.0" encoding="utf-8" ?><timedtext format="3"><head><ws id="0"/></head>'
        '<body><w t="0" id="1"/><p t="160" d="4400" w="1"><s ac="0">hey</s><s t="240"> guys</s></p>'
        '<p t="1389" d="2170" w="1" a="1">\n</p>'
        '<p t="1399" d="900" w="1"><s>[Music]</s></p><p t="2399" d="900">written</p>'
        "</body></timedtext>"
    )
    words = (Word("hey", 0.16, 0.4), Word("guys", 0.4, 1.399))
    assert captions.cues == [Cue(0.16, 1.399, "hey guys", words), Cue(2.399, 3.299, "written")]
    assert (captions.format, captions.flags) == ("srv3", {"W_NONSPEECH"})


def test_srv1_has_seconds_and_markup_escaped_twice():
    captions = parse(
        '<transcript><text start="1.5" dur="2">don&amp;#39;t &lt;i&gt;stir&lt;/i&gt;</text>'
        "</transcript>"
    )
    assert captions.cues == [Cue(1.5, 3.5, "don't stir")] and captions.format == "srv1"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<timedtext><body></body></timedtext>", "W_CAPEMPTY"),
        ("<timedtext><body>", "E_CAPPARSE"),
        ("<transcript><text start='x' dur='1'>a</text></transcript>", "W_CAPEMPTY"),
        ("<!DOCTYPE timedtext><timedtext/>", "E_CAPPARSE"),
        ("<timedtext>" + "<p>" * 1000, "E_CAPPARSE"),
    ],
)
def test_what_holds_no_cue_has_a_code(text, code):
    with pytest.raises(CaptionError, match=code):
        parse(text)
