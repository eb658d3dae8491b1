import json
import random

import pytest

from pipeline.listing import spans as module
from pipeline.listing.span_index import INDEX_NAME, spans_of
from pipeline.listing.spans import find_spans, span_stamp

CAPTIONS = {
    'a{"}\\': {"start": [0.5], "end": [2], "text": ['braces } { and "quotes" \\']},
    "\u00e9": {"text": ["\u65e5\u672c", float("nan")], "start": [1, 2], "end": [2, 3]},
    "-3BVWtwbV64": {"start": [], "end": [], "text": []},
}


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "caption.json"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize("chunk", [7, 1 << 20])
def test_each_span_holds_the_object_of_its_video(file, monkeypatch, indent, is_ascii, chunk):
    monkeypatch.setattr(module, "_CHUNK_BYTES", chunk)
    path = file(json.dumps(CAPTIONS, indent=indent, ensure_ascii=is_ascii))
    data = path.read_bytes()
    found = dict(find_spans(str(path)))
    assert list(found) == list(CAPTIONS)
    for video_id, span in found.items():
        part = data[span.offset : span.offset + span.length]
        assert json.dumps(json.loads(part)) == json.dumps(CAPTIONS[video_id])
        assert span.stamp == span_stamp(part)


@pytest.mark.parametrize("text", ["[]", "", "{", '{"a": {"start": [}', '{"a": 1}', '{"a": {"b": "'])
def test_what_is_no_such_file_is_an_error_that_names_the_byte(file, text):
    with pytest.raises(ValueError, match="caption.json"):
        dict(find_spans(str(file(text))))


def test_a_file_that_was_cut_off_is_an_error_wherever_it_was_cut(file):
    whole = json.dumps(CAPTIONS)
    for cut in random.Random(0).sample(range(len(whole)), 40):
        with pytest.raises(ValueError, match="caption.json"):
            dict(find_spans(str(file(whole[:cut]))))


def test_an_empty_object_has_no_video(file):
    assert dict(find_spans(str(file("{ }")))) == {}


def test_the_file_is_read_once_and_again_when_it_changes(file, tmp_path, monkeypatch):
    path = str(file(json.dumps(CAPTIONS)))
    cache = str(tmp_path / "cache")
    wanted = {"\u00e9", "unknown"}
    first = spans_of(path, wanted, cache)
    assert list(first) == ["\u00e9"] and (tmp_path / "cache" / INDEX_NAME).is_file()
    scan, calls = module.find_spans, []
    monkeypatch.setattr(
        "pipeline.listing.span_index.find_spans", lambda path: calls.append(path) or scan(path)
    )
    assert spans_of(path, wanted, cache) == first and calls == []
    file(json.dumps({"unknown": CAPTIONS["\u00e9"]}))
    assert list(spans_of(path, wanted, cache)) == ["unknown"] and calls == [path]
