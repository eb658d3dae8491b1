import json

import pytest

from configs.sources import SourcesConfig
from pipeline.captions.read import parse_captions
from pipeline.listing.build import list_sources

TABLE = """video_id,category_1,category_2,rank,task_id
-3BVWtwbV64,Food and Entertaining,Recipes,52,85138
-3BVWtwbV64,Hobbies and Crafts,Toys,3,22
8kFL8KwxHvE,Hobbies and Crafts,Toys,83,21123
notHere_000,Cars & Other Vehicles,Trains,1,1
"""
CAPTIONS = {
    "8kFL8KwxHvE": {"start": [0.5, 3.0], "end": [4.0, 6.0], "text": ["stir the mix", "and wait"]},
    "notHere_000": {"start": [0], "end": [1], "text": ["x"]},
}


@pytest.fixture
def corpus(tmp_path):
    (tmp_path / "HowTo100M_v1.csv").write_text(TABLE)
    (tmp_path / "videos").mkdir()
    for name in ("-3BVWtwbV64.mp4", "8kFL8KwxHvE.webm", "stranger_00.mkv"):
        (tmp_path / "videos" / name).write_bytes(b"video")
    return tmp_path


def listed(path, **more):
    return list_sources(SourcesConfig.model_validate({"path": str(path), **more}))


def test_videos_get_their_facts_and_their_part_of_the_captions(corpus):
    (corpus / "raw_caption.json").write_text(json.dumps(CAPTIONS))
    (corpus / "caption.json").write_text("{}")
    listing = listed(corpus)
    assert listing.rejects == [] and "2 of the 3 videos" in listing.notices[0]
    first, second, stranger = listing.sources
    assert [s.video_id for s in listing.sources] == ["-3BVWtwbV64", "8kFL8KwxHvE", "stranger_00"]
    # Found for two tasks: the better rank counts.
    assert json.loads(first.extra) == {
        "category_1": "Hobbies and Crafts", "category_2": "Toys", "rank": 3, "task_id": 22,
        "text_variant": "raw",
    }  # fmt: skip
    assert first.captions == "" and json.loads(stranger.extra) == {"text_variant": "raw"}
    offset, length = second.caption_span
    data = (corpus / "raw_caption.json").read_bytes()[offset : offset + length]
    cues = parse_captions(data, SourcesConfig().limits).cues
    assert [cue.text for cue in cues] == ["stir the mix", "and wait"]
    assert second.caption_bytes == length


def test_a_change_to_another_videos_captions_touches_no_source(corpus):
    (corpus / "caption.json").write_text(json.dumps(CAPTIONS))
    before = listed(corpus).sources[1]
    assert json.loads(before.extra)["text_variant"] == "processed"
    (corpus / "caption.json").write_text(json.dumps({"new": CAPTIONS["notHere_000"], **CAPTIONS}))
    after = listed(corpus).sources[1]
    assert after.caption_span != before.caption_span
    assert (after.caption_bytes, after.caption_stamp) == (
        before.caption_bytes,
        before.caption_stamp,
    )


def test_one_csv_a_video_serves_instead_of_the_json(corpus):
    (corpus / "texts").mkdir()
    (corpus / "texts" / "8kFL8KwxHvE.csv").write_text("start,end,text\n0.5,4,stir the mix\n")
    by_name = listed(corpus / "HowTo100M_v1.csv", captions=str(corpus / "texts"))
    listing = listed(corpus, captions=str(corpus / "texts"), root=str(corpus / "videos"))
    assert [s.captions[-15:] for s in listing.sources] == ["", "8kFL8KwxHvE.csv", ""]
    assert [s.captions for s in by_name.sources] == [s.captions for s in listing.sources]


def test_what_is_missing_is_named(corpus):
    with pytest.raises(ValueError, match="sources.captions must name the captions"):
        listed(corpus)
    (corpus / "caption.json").write_text("{}")
    (corpus / "empty").mkdir()
    with pytest.raises(ValueError, match="sources.root must hold the videos"):
        listed(corpus, root=str(corpus / "empty"))
    (corpus / "HowTo100M_v1.csv").write_text("video_id,rank\n,1\n")
    with pytest.raises(ValueError, match="line 2: must have a video_id"):
        listed(corpus)
