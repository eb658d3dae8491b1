import json

import pytest

from pipeline.captions.cue import CaptionError
from pipeline.captions.encoding import decode_bytes
from pipeline.captions.webvtt import parse_webvtt, read_blocks


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


def test_a_stamp_that_others_write_is_taken_and_flagged():
    captions = parse_webvtt(
        "WEBVTT\n\n0:0:0.0 --> 0:0:3.5\nteams\n\n00:04,000 --> 00:05,000\nconverter\n"
    )
    assert [(cue.start_s, cue.end_s) for cue in captions.cues] == [(0.0, 3.5), (4.0, 5.0)]
    assert captions.flags == {"W_CAPTIME"}


def test_the_language_stands_in_the_header_only():
    cue = "00:01.000 --> 00:02.000\nLanguage: de\n"
    assert parse_webvtt("WEBVTT\nKind: captions\nLanguage: en-US\n\n" + cue).language == "en"
    assert parse_webvtt("WEBVTT\n\n" + cue).language == ""


def test_a_rolling_file_is_unrolled():
    captions = parse_webvtt(
        "WEBVTT\n\n00:00.000 --> 00:01.990\n \nhey<00:00:00.500><c> you</c>\n\n"
        "00:01.990 --> 00:02.000\nhey you\n \n\n"
        "00:02.000 --> 00:03.000\nhey you\ncut<00:00:02.400><c> it</c>\n"
    )
    assert [cue.text for cue in captions.cues] == ["hey you", "cut it"]
    assert "W_CAPROLL" in captions.flags and captions.format == "webvtt"


NOT_LIKE_THE_ORACLE: dict[str, str] = {}
"""Files whose cues we read otherwise, with the reason. docs/captions.md lists the same."""


def blocks_of(path):
    text, _ = decode_bytes(path.read_bytes())
    try:
        blocks = read_blocks(text, set())[1]
    except CaptionError:
        return []
    return [(block.start_s, block.end_s, "\n".join(block.lines)) for block in blocks]


def test_every_oracle_file_gives_the_oracle_cues(test_data):
    num_checked = 0
    for oracle in sorted((test_data / "vtt_oracle").glob("*.json")):
        path = oracle.with_suffix(".vtt")
        cues = json.loads(oracle.read_text(encoding="utf-8"))["cues"]
        want = [(cue["startTime"], cue["endTime"], cue["text"]) for cue in cues]
        assert (blocks_of(path) == want) == (path.name not in NOT_LIKE_THE_ORACLE), path.name
        num_checked += 1
    assert num_checked == 102


WITHOUT_ORACLE = {
    # vtt.js takes settings that it does not know, and so do we: its own tests compare these
    # with the same cue, which the folder lacks.
    "tests_cue-settings_": [(0.0, 2.0, "Text")],
    "tests_cue-times_missing-separator": [],
    "tests_cue-times_": [(25.0, 27.0, "Payload")],
    "tests_file-layout_webvtt-": [(0.0, 2.0, "text")],
    # The standard (6.1, step 13: a line with an arrow ends the header); vtt.js gives no cue.
    "tests_file-layout_header-no-new-line": [(11.0, 13.0, "Test")],
    "tests_file-layout_": [],
    "tests_regions_": [],
}


def test_the_files_without_an_oracle_give_what_its_own_tests_expect(test_data):
    paths = sorted((test_data / "vtt_oracle").glob("*.vtt"))
    rest = [path for path in paths if not path.with_suffix(".json").exists()]
    for path in rest:
        prefixes = [prefix for prefix in WITHOUT_ORACLE if path.name.startswith(prefix)]
        assert blocks_of(path) == WITHOUT_ORACLE[max(prefixes, key=len)], path.name
    assert len(rest) == 76
