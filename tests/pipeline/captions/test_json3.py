import json

import pytest

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError, Cue
from pipeline.captions.read import parse_captions
from shards.schema import Word


def parse(*events):
    return parse_captions(
        json.dumps({"wireMagic": "pb3", "events": events}).encode(), LimitsConfig()
    )


def spoken(start_ms, duration_ms, *runs, **more):
    segments = [
        {"utf8": text, "tOffsetMs": offset_ms} if offset_ms else {"utf8": text, "acAsrConf": 0}
        for text, offset_ms in runs
    ]
    return {"tStartMs": start_ms, "dDurationMs": duration_ms, "segs": segments, **more}


BREAK = spoken(2389, 10, ("\n", 0), aAppend=1, wWinId=1)


def test_words_stand_at_their_offsets_and_a_line_ends_where_the_next_begins():
    captions = parse(
        {"tStartMs": 0, "dDurationMs": 9000, "id": 1, "wpWinPosId": 1, "wsWinStyleId": 1},
        spoken(160, 4400, ("hey", 0), (" guys", 240), (" welcome", 1840)),
        BREAK,
        spoken(2399, 3000, ("back", 0), (" to", 160)),
    )
    assert captions.cues == [
        Cue(
            0.16,
            2.399,
            "hey guys welcome",
            (Word("hey", 0.16, 0.4), Word("guys", 0.4, 2.0), Word("welcome", 2.0, 2.399)),
        ),
        Cue(2.399, 3.559, "back to", (Word("back", 2.399, 2.559), Word("to", 2.559, 3.559))),
    ]
    assert (captions.format, captions.flags) == ("json3", frozenset())


def test_events_without_segments_and_line_breaks_are_no_cues():
    with pytest.raises(CaptionError, match="W_CAPEMPTY"):
        parse({"tStartMs": 0, "dDurationMs": 9000}, BREAK, {"segs": None}, None)


def test_written_captions_have_no_word_times_and_keep_their_ends():
    captions = parse(
        {"tStartMs": 1000, "dDurationMs": 2500, "segs": [{"utf8": "Hello big\nworld"}]},
        {"tStartMs": 3000, "dDurationMs": 1000, "segs": [{"utf8": "again"}]},
    )
    assert captions.cues == [Cue(1.0, 3.5, "Hello big world"), Cue(3.0, 4.0, "again")]
    assert captions.flags == {"W_CAPOVERLAP"}


def test_words_that_are_appended_stand_at_their_own_time():
    captions = parse(
        spoken(1000, 5000, ("now", 0), (" we", 200)),
        spoken(1500, 4500, ("cut", 0), (" it", 300), aAppend=1),
    )
    assert [(cue.start_s, cue.end_s, cue.text) for cue in captions.cues] == [
        (1.0, 1.5, "now we"),
        (1.5, 2.8, "cut it"),
    ]


def test_a_pause_belongs_to_no_word():
    captions = parse(
        spoken(0, 9000, ("nobody", 0), (" moves", 360)), spoken(5360, 900, ("and", 0), (" go", 9))
    )
    assert captions.cues[0].end_s == 1.36


def test_offsets_that_go_back_are_interpolated_and_flagged():
    captions = parse(spoken(0, 3000, ("a", 0), (" b", 2000), (" c", 500), (" d", 2500)))
    assert [word.start_s for word in captions.cues[0].words] == [0.0, 2.0, 2.25, 2.5]
    assert "W_WORDTIME" in captions.flags


def test_an_event_with_senseless_times_is_flagged():
    captions = parse(
        spoken(0, 1000, ("a", 0)),
        {"tStartMs": float("nan"), "segs": [{"utf8": "lost"}]},
        {"tStartMs": 1e300, "dDurationMs": 1, "segs": [{"utf8": "lost"}]},
    )
    assert [cue.text for cue in captions.cues] == ["a"] and "W_CAPTIME" in captions.flags
