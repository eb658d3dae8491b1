import json

import pytest

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError, Cue
from pipeline.captions.read import parse_captions

PART = {"start": [1.0, 4.5], "end": [3.5, 6.25], "text": ["cut the onion", "stir it"]}
CUES = [Cue(1.0, 3.5, "cut the onion"), Cue(4.5, 6.25, "stir it")]


def parse(text):
    return parse_captions(text.encode(), LimitsConfig())


@pytest.mark.parametrize("document", [PART, {"-3BVWtwbV64": PART}])
def test_the_columns_of_one_video_are_read(document):
    captions = parse(json.dumps(document))
    assert (captions.cues, captions.format) == (CUES, "howto100m-json")


def test_several_videos_are_refused_with_the_way_out():
    with pytest.raises(CaptionError, match="E_CAPPARSE.*2.*howto100m"):
        parse(json.dumps({"a": PART, "b": PART}))


def test_a_text_of_nan_is_no_word_and_a_time_of_nan_is_an_error():
    text = '{"start": [1, 2], "end": [2, 3], "text": [NaN, "stir"]}'
    assert [cue.text for cue in parse(text).cues] == ["stir"]
    with pytest.raises(CaptionError, match="E_CAPPARSE"):
        parse('{"start": [NaN], "end": [2], "text": ["stir"]}')


def test_columns_of_different_length_are_an_error():
    with pytest.raises(CaptionError, match="E_CAPPARSE"):
        parse(json.dumps(PART | {"end": [1.0]}))


@pytest.mark.parametrize(
    "text",
    [
        "start,end,text\n1.0,3.5,cut the onion\n4.5,6.25,stir it\n",
        ",start,end,text\n0,1.0,3.5,cut the onion\n1,4.5,6.25,stir it\n",
        "1.0,3.5,cut the onion\n4.5,6.25,stir it\n",
        "0,1.0,3.5,cut the onion\n1,4.5,6.25,stir it\n",
        'text,end,start\n"cut the onion",3.5,1.0\nstir it,6.25,4.5\n,,\n4.0,5.0,nan\n'.replace(
            "4.0,5.0,nan", "nan,5.0,4.0"
        ).replace(",,\n", ""),
    ],
)
def test_a_csv_is_read_with_and_without_a_header(text):
    captions = parse(text)
    assert (captions.cues, captions.format) == (CUES, "csv")


@pytest.mark.parametrize(
    "text",
    [
        "start,end,text\n1.0\n",
        "start,end,text\nnan,2,a\n",
        "start,end,text\none,two,a\n",
        'start,end,text\n1,2,"open\n',
    ],
)
def test_a_broken_csv_is_a_parse_error(text):
    with pytest.raises(CaptionError, match="E_CAPPARSE"):
        parse(text)


def test_text_without_stop_words_is_flagged_as_the_published_variant():
    rows = [f"{place},{place + 1},cut onion stir pan heat oil" for place in range(6)]
    assert "W_STOPWORDS" in parse("\n".join(["start,end,text", *rows])).flags
    spoken = [f"{place},{place + 1},now cut the onion and stir it" for place in range(6)]
    assert parse("\n".join(["start,end,text", *spoken])).flags == frozenset()
