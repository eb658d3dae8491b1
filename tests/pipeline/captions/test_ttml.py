import pytest

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError, Cue
from pipeline.captions.read import parse_captions
from pipeline.captions.ttml import parse_ttml

HEAD = (
    '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" '
    'ttp:frameRate="50" ttp:frameRateMultiplier="1000 1001" ttp:tickRate="100" xml:lang="en-GB">'
)


def document(body, head=HEAD):
    return (
        f"{head}<head><metadata><title>no speech</title></metadata></head><body>{body}</body></tt>"
    )


def test_paragraphs_are_cues_with_their_language():
    captions = parse_ttml(
        document(
            '<div><p begin="00:00:01.500" end="00:00:03">cut &amp; <span>stir</span><br/>it</p>'
            '<p begin="4s" dur="500ms">now</p></div>'
        )
    )
    assert captions.cues == [Cue(1.5, 3.0, "cut & stir it"), Cue(4.0, 4.5, "now")]
    assert (captions.language, captions.format) == ("en", "ttml")


@pytest.mark.parametrize(
    ("begin", "end", "span"),
    [
        ("100t", "150t", (1.0, 1.5)),
        ("0f", "50f", (0.0, 1.001)),
        ("00:00:01:26", "00:00:02:00", (1.521, 2.0)),
        ("0.5m", "0.01h", (30.0, 36.0)),
    ],
)
def test_frames_and_ticks_count_at_the_rates_of_the_document(begin, end, span):
    [cue] = parse_ttml(document(f'<div><p begin="{begin}" end="{end}">a</p></div>')).cues
    assert (cue.start_s, cue.end_s) == span


def test_times_count_from_the_element_around():
    [cue, other] = parse_ttml(
        document(
            '<div begin="10s" end="20s"><p begin="1s" end="30s">a</p>'
            '<p><span begin="2s" dur="1s">b</span></p></div>'
        )
    ).cues
    assert (cue.start_s, cue.end_s) == (11.0, 20.0)
    assert (other.start_s, other.end_s, other.text) == (12.0, 13.0, "b")


def test_timed_spans_are_cues_of_their_own():
    captions = parse_ttml(
        document(
            '<div><p><span begin="1s" end="2s">a</span><span begin="2s" end="3s">b</span></p></div>'
        )
    )
    assert [(cue.start_s, cue.text) for cue in captions.cues] == [(1.0, "a"), (2.0, "b")]


BOMB = '<!DOCTYPE tt [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + document(
    '<p begin="0s" end="1s">&b;</p>'
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        '<?xml version="1.0"?>\n<!-- x -->\n' + BOMB,
        '<!DOCTYPE tt SYSTEM "file:///etc/passwd">' + document(""),
        "<html><body>not found</body></html>",
        document("<div>" * 200 + "</div>" * 200),
        document("<div>" * 100_000),
        document('<p begin="0s" end="1s">&undefined;</p>'),
        "<tt><body>",
    ],
)
def test_what_is_hostile_or_no_ttml_is_a_parse_error(text):
    with pytest.raises(CaptionError, match="E_CAPPARSE"):
        parse_captions(text.encode(), LimitsConfig())


def test_the_declared_encoding_holds():
    text = '<?xml version="1.0" encoding="iso-8859-1"?>' + document(
        '<p begin="0s" end="1s">\xe9t\xe9</p>'
    )
    captions = parse_captions(text.encode("latin-1"), LimitsConfig())
    assert captions.cues[0].text == "\xe9t\xe9" and captions.flags == {"W_CAPENC"}


def test_a_paragraph_without_a_readable_end_is_flagged():
    captions = parse_ttml(
        document('<p begin="1s" end="soon">a</p><p begin="2s">b</p><p begin="3s" end="4s">c</p>')
    )
    assert [cue.text for cue in captions.cues] == ["c"] and "W_CAPTIME" in captions.flags
