import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError
from pipeline.captions.read import load_captions, parse_captions, read_captions


def test_the_content_chooses_the_reader(tmp_path):
    files = {
        "a": "WEBVTT\n\n00:01.000 --> 00:02.000\nhi\n",
        "a.vtt": "1\n00:00:01,000 --> 00:00:02,000\nhi\n",
        "a.srt": '{"segments": [{"start": 1, "end": 2.0, "text": "hi"}]}',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        [cue] = read_captions(tmp_path / name)
        assert (cue.start_s, cue.end_s, cue.text) == (1.0, 2.0, "hi")


def test_a_file_over_the_limit_is_not_read(tmp_path):
    path = tmp_path / "a.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nhi\n")
    size = path.stat().st_size
    assert read_captions(path, LimitsConfig(caption_bytes=size))
    with pytest.raises(CaptionError, match="E_CAPHUGE"):
        read_captions(path, LimitsConfig(caption_bytes=size - 1))


def test_a_foreign_encoding_is_flagged(tmp_path):
    path = tmp_path / "a.srt"
    path.write_bytes("1\n00:00:01,000 --> 00:00:02,000\ncafé\n".encode("cp1252"))
    captions = load_captions(path, LimitsConfig())
    assert captions.cues[0].text == "café" and "W_CAPENC" in captions.flags


@pytest.mark.parametrize(("data", "code"), [(b"", "W_CAPEMPTY"), (b" \n", "W_CAPEMPTY")])
def test_an_empty_file_is_empty(tmp_path, data, code):
    path = tmp_path / "a.vtt"
    path.write_bytes(data)
    with pytest.raises(CaptionError, match=code):
        read_captions(path)


NAMES = ["segments", "events", "segs", "start", "end", "text", "words", "word", "utf8", "tStartMs"]
NAMES += ["dDurationMs", "tOffsetMs", "language", "duration"]
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-5, 10**20) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(document=values)
def test_any_json_is_cues_or_one_code(document):
    try:
        captions = parse_captions(json.dumps(document).encode(), LimitsConfig())
    except CaptionError as error:
        assert error.code in {"E_CAPPARSE", "W_CAPEMPTY"}  # noqa: PT017
    else:
        assert all(0 <= cue.start_s < cue.end_s and cue.text for cue in captions.cues)


@given(text=st.text(alphabet="WEBVT0123:.,-><\n \t[]{}a&;/c?\"'tpx=", max_size=120))
@pytest.mark.parametrize("start", ["", "WEBVTT\n", "[Events]\n", "<tt>", "0:00:01.0,0:00:02.0\n"])
def test_any_text_is_cues_or_one_code(start, text):
    try:
        captions = parse_captions((start + text).encode(), LimitsConfig())
    except CaptionError as error:
        assert error.code in {"E_CAPPARSE", "W_CAPEMPTY"}  # noqa: PT017
    else:
        assert all(0 <= cue.start_s < cue.end_s and cue.text for cue in captions.cues)
