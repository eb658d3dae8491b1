import json

import pytest

from pipeline.captions.cue import CaptionError
from pipeline.captions.webvtt import parse_webvtt


def test_cues_have_times_and_plain_text():
    captions = parse_webvtt(
        "WEBVTT\n\nNOTE a note\n\nid\n00:01.000 --> 00:00:02.500 align:start\n"
        "<v Ann>cut &amp; <i>stir</i>\n \nnow\n\n01:00:00,5 --> 01:00:01.000\nlater\n"
    )
    assert [(cue.start_s, cue.end_s, cue.text) for cue in captions.cues] == [
        (1.0, 2.5, "cut & stir now"),
        (3600.5, 3601.0, "later"),
    ]


def test_inline_times_become_word_times():
    captions = parse_webvtt(
        "WEBVTT\n\n00:01.000 --> 00:03.000\nnow<00:01.500><c> we</c><00:02.000><c> cut it</c>\n"
    )
    words = captions.cues[0].words
    assert [(word.text, word.start_s, word.end_s) for word in words] == [
        ("now", 1.0, 1.5),
        ("we", 1.5, 2.0),
        ("cut", 2.0, 2.5),
        ("it", 2.5, 3.0),
    ]


def test_a_tag_inside_a_word_gives_no_word_times():
    captions = parse_webvtt("WEBVTT\n\n00:01.000 --> 00:02.000\nhel<00:01.500>lo there\n")
    assert captions.cues[0].text == "hello there" and captions.cues[0].words == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("00:01.000 --> 00:02.000\nno header\n", "E_CAPPARSE"),
        ("WEBVTT\n\n00:01 -> 00:02\n", "W_CAPEMPTY"),
        ("WEBVTT\n\n1 --> 2\nwrong\n", "E_CAPPARSE"),
        ("WEBVTT\n\n00:02.000 --> 00:01.000\nbackwards\n", "W_CAPEMPTY"),
    ],
)
def test_a_bad_file_has_a_code(text, code):
    with pytest.raises(CaptionError) as caught:
        parse_webvtt(text)
    assert caught.value.code == code


LENIENT = {
    # We take times that the standard refuses, and drop cues without extent.
    "tests_cue-times_fraction-digits.vtt",
    "tests_cue-times_minimum-spots-over-sixty.vtt",
    "tests_integration_arrows.vtt",
}


def test_the_oracle_files_give_the_oracle_times(test_data):
    num_checked = 0
    for oracle in sorted((test_data / "vtt_oracle").glob("*.json")):
        path = oracle.with_suffix(".vtt")
        if path.name in LENIENT or not path.exists():
            continue
        cues = json.loads(oracle.read_text())["cues"]
        want = [(cue["startTime"], cue["endTime"]) for cue in cues if cue["text"].strip()]
        try:
            text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
            got = [(cue.start_s, cue.end_s) for cue in parse_webvtt(text).cues]
        except CaptionError:
            got = []
        assert got == want, path.name
        num_checked += 1
    assert num_checked > 90
