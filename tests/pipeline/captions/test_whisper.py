import pytest

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError, Cue
from pipeline.captions.read import parse_captions
from pipeline.captions.whisper import parse_transcript, parse_whisper
from shards.schema import Word


def segment(words=None, text=" cut it now", start=1.0, end=4.0):
    value = {"start": start, "end": end, "text": text}
    return value if words is None else value | {"words": words}


def parse(*segments):
    return parse_whisper({"segments": list(segments)})


def test_words_keep_their_times():
    words = [
        {"word": " cut", "start": 1.1, "end": 1.5},
        {"word": " it", "start": 1.5, "end": 2.0},
        {"word": " now", "start": 3.0, "end": 3.5},
    ]
    captions = parse(segment(words))
    assert [(word.text, word.start_s) for word in captions.cues[0].words] == [
        ("cut", 1.1),
        ("it", 1.5),
        ("now", 3.0),
    ]
    assert captions.flags == frozenset()


def test_missing_and_reversed_word_times_are_interpolated_and_flagged():
    words = [
        {"word": "cut", "start": 1.0, "end": 2.0},
        {"word": "it"},
        {"word": "now", "start": 0.2, "end": 0.4},
    ]
    captions = parse(segment(words))
    times = [(word.start_s, word.end_s) for word in captions.cues[0].words]
    assert times == [(1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]
    assert "W_WORDTIME" in captions.flags


def test_words_that_are_not_the_text_are_left_out():
    captions = parse(segment([{"word": "cut", "start": 1.0, "end": 2.0}]))
    assert captions.cues[0].words == () and "W_WORDTIME" in captions.flags


def test_pieces_of_words_make_words():
    words = [
        {"word": "y", "start": 1.0, "end": 1.2},
        {"word": "'all,", "start": 1.2, "end": 1.5},
        {"word": "auto", "start": 2.0, "end": 2.5},
        {"word": "-cut", "start": 2.5, "end": 3.0},
    ]
    captions = parse(segment(words, text="y'all, auto-cut"))
    assert captions.cues[0].words == (Word("y'all,", 1.0, 1.5), Word("auto-cut", 2.0, 3.0))
    assert captions.flags == frozenset()


def test_a_word_that_ends_before_it_begins_is_interpolated():
    words = [
        {"word": "cut", "start": 1.0, "end": 2.0},
        {"word": "it", "start": 2.5, "end": 2.1},
        {"word": "now", "start": 3.0, "end": 3.5},
    ]
    captions = parse(segment(words))
    assert captions.cues[0].words[1] == Word("it", 2.0, 3.0)
    assert "W_WORDTIME" in captions.flags


@pytest.mark.parametrize(("stated", "code"), [("en", "en"), ("german", "de"), ("klingon", "")])
def test_the_language_of_the_file_is_kept(stated, code):
    document = {"language": stated, "segments": [segment()]}
    assert parse_whisper(document).language == code


def test_a_bare_list_with_durations_is_read():
    captions = parse_transcript([{"text": "cut it", "start": 1.5, "duration": 2.0}])
    assert captions.cues == [Cue(1.5, 3.5, "cut it")]


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        '{"segments": 3}',
        '{"segments": [{"start": NaN, "end": 2, "text": "a"}]}',
        '{"segments": [{"start": "1", "end": 2, "text": "a"}]}',
        f'{{"segments": [{{"start": 0, "end": 1{"0" * 400}, "text": "a"}}]}}',
        f'{{"segments": [{{"start": 0, "end": 1{"0" * 5000}, "text": "a"}}]}}',
        '{"segments": [{"start": 0, "end": 1e308, "text": "a"}]}',
        "[{" * 3 + "[" * 100_000,
        '{"segments": ' + "[" * 100_000,
        "<html>",
    ],
)
def test_what_is_no_whisper_file_is_a_parse_error(text):
    with pytest.raises(CaptionError, match="E_CAPPARSE"):
        parse_captions(text.encode(), LimitsConfig())


def test_a_file_in_which_nothing_is_said_is_empty():
    with pytest.raises(CaptionError, match="W_CAPEMPTY"):
        parse()
