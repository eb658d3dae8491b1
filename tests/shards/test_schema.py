import json
import math
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards.schema import (
    ENCODINGS,
    KEY_PATTERN,
    Sample,
    Window,
    Word,
    canonical_json,
    from_members,
    sample_key,
    split_of,
    to_members,
)

IDS = st.text(st.characters(codec="utf-8"), max_size=30)
MILLISECONDS = st.integers(0, 10**7)
SECONDS = MILLISECONDS.map(lambda value: value / 1000)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20).map(
    lambda text: unicodedata.normalize("NFC", text)
)
WORDS = st.builds(Word, TEXTS, SECONDS, SECONDS)
WINDOWS = st.builds(
    Window,
    st.integers(0, 10**6),
    SECONDS,
    SECONDS,
    TEXTS,
    st.lists(WORDS, max_size=3).map(tuple),
    SECONDS,
    SECONDS,
)


@given(IDS, MILLISECONDS)
def test_a_key_is_a_plain_file_name_whatever_the_id(video_id, t0_ms):
    assert KEY_PATTERN.fullmatch(sample_key(video_id, t0_ms))


@given(IDS)
def test_composed_and_decomposed_ids_are_one_video(video_id):
    decomposed = unicodedata.normalize("NFD", video_id)
    assert sample_key(video_id, 7) == sample_key(decomposed, 7)
    assert split_of(video_id, 0.3, 0.3) == split_of(decomposed, 0.3, 0.3)


def test_keys_are_those_of_the_published_rule():
    # printf %s -3BVWtwbV64 | sha256sum
    assert sample_key("-3BVWtwbV64", 12_300) == "f5a7396eca67f4da_000012300"


@pytest.mark.parametrize("t0_ms", [-1, 10**9])
def test_a_start_that_does_not_fit_is_refused(t0_ms):
    with pytest.raises(ValueError, match="must start in"):
        sample_key("v", t0_ms)


def test_splits_have_their_shares():
    splits = [split_of(f"video {index}", 0.1, 0.2) for index in range(4000)]
    assert splits.count("val") / 4000 == pytest.approx(0.1, abs=0.02)
    assert splits.count("test") / 4000 == pytest.approx(0.2, abs=0.02)


@given(IDS, st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0.1, 0.4))
def test_a_larger_val_share_moves_videos_from_train_to_val_only(video_id, low, high, test_share):
    before = split_of(video_id, min(low, high), test_share)
    after = split_of(video_id, max(low, high), test_share)
    assert before == after or (before, after) == ("train", "val")


@given(
    IDS,
    MILLISECONDS,
    TEXTS,
    st.lists(WINDOWS, max_size=4),
    st.none() | st.binary(),
    st.sampled_from(ENCODINGS),
)
def test_members_give_back_the_sample(video_id, t0_ms, caption, windows, audio, encoding):
    meta = {"schema": 1, "video_id": video_id, "t0_s": t0_ms / 1000, "t1_s": t0_ms / 1000 + 3.2}
    meta |= {"t1_s": round(meta["t1_s"], 3), "enc": encoding, "margin": 3}
    sample = Sample(meta, b"clip", caption, tuple(windows), audio)
    members = to_members(sample)
    names = ["json", encoding, "txt", "asr.json", "flac"]
    assert [name for name, _ in members] == names[: 4 if audio is None else 5]
    assert from_members(dict(members)) == sample
    assert (sample.encoding, sample.margin) == (encoding, 3)


@pytest.mark.parametrize(("stored", "said"), [("mp4", "npy"), ("jpgs", None)])
def test_a_clip_of_another_encoding_than_its_json_says_is_refused(make_sample, stored, said):
    members = dict(to_members(make_sample()))
    members[stored] = members.pop("mp4")
    meta = json.loads(members["json"])
    members["json"] = canonical_json(meta | ({"enc": said} if said else {}))
    with pytest.raises(ValueError, match=rf"needs one \.{said or 'mp4'} .* \['{stored}'\]"):
        from_members(members)


@pytest.mark.parametrize("margin", [-1, 1.5, "2"])
def test_a_margin_that_is_no_count_of_frames_is_refused(make_sample, margin):
    members = dict(to_members(make_sample()))
    members["json"] = canonical_json(json.loads(members["json"]) | {"margin": margin})
    with pytest.raises(ValueError, match="margin of 0 or more frames"):
        from_members(members)


def test_json_is_canonical():
    value = {"b": 0.12349, "a": (1, -0.0, 2.0), "é": None, "n": float("1e-9")}
    assert canonical_json(value) == '{"a":[1,0.0,2.0],"b":0.123,"n":0.0,"é":null}'.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_refuses_numbers_that_are_not_finite(value):
    with pytest.raises(ValueError, match="finite"):
        canonical_json({"x": [value]})


def test_windows_are_stored_under_the_documented_names(make_sample):
    rows = json.loads(dict(to_members(make_sample()))["asr.json"])
    assert rows[0] == {
        "idx": 3,
        "s": 0.1,
        "e": 0.5,
        "text": "cut it",
        "overlap_s": 0.4,
        "center_dist_s": 1.3,
        "words": [{"text": "cut", "s": 0.1, "e": 0.3}, {"text": "it", "s": 0.3, "e": 0.5}],
    }
    assert "words" not in rows[1]


def test_whole_seconds_give_the_same_bytes_as_integers(make_sample):
    sample = make_sample()
    floats = replace(sample, windows=(Window(0, 1.0, 2.0, "x", (Word("x", 1.0, 2.0),)),))
    integers = replace(sample, windows=(Window(0, 1, 2, "x", (Word("x", 1, 2),)),))
    assert to_members(floats) == to_members(integers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"txt": None}, r"needs \.txt"),
        ({"wav": b""}, r"has no \.wav"),
        ({"json": b'{"schema":2}'}, "schema 1"),
        ({"json": b'{"schema":1}'}, "video_id"),
        ({"asr.json": b'[{"idx":1}]'}, "list of windows"),
        ({"txt": b"\xff"}, "utf-8"),
    ],
)
def test_malformed_members_are_refused(make_sample, change, message):
    members = {**dict(to_members(make_sample())), **change}
    with pytest.raises(ValueError, match=message):
        from_members({name: data for name, data in members.items() if data is not None})
