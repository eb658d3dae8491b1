import pytest

from pipeline.viewer.catalog import Catalog
from pipeline.viewer.explain import explain
from shards.manifest import Manifest
from shards.schema import sample_key


@pytest.fixture(scope="module")
def catalog(little_shards) -> Catalog:
    return Catalog(Manifest.load(little_shards))


def told(chapters) -> dict[str, dict[str, str]]:
    return {chapter.title: dict(chapter.facts) for chapter in chapters}


def test_a_key_leads_back_to_file_times_words_place_and_settings(catalog):
    key = sample_key("cooking/eggs", 4000)
    story = told(explain(catalog, key))
    assert story["Clip"]["span"] == "4.000 s to 7.200 s of the video"
    assert story["Clip"]["repeated frames"] == "1 of 32"
    assert story["Source"]["file"] == "cooking/eggs.mp4"
    assert story["Source"]["sha256"] == "ab" * 32
    assert "centre 0.100 s away" in story["Windows, nearest first"]["1. window 2"]
    assert story["Split"]["rule"] == "test below 0.1, val from 0.9 on, train between"
    assert story["Place"]["shard"].endswith("/000000-00.tar")
    assert story["Flags"]["W_VFR"] == "frame rate varies; frames were chosen by their times"
    assert story["Build"]["code version"] == "2"
    assert story["Build"]["clips.policy"] == '"per_window"'


def test_a_video_tells_what_became_of_it(catalog):
    story = told(explain(catalog, "cooking/eggs"))
    assert story["Video"]["clips"] == "planned 4 = written 3 + rejected 1"
    assert len(story["3 clips"]) == 3
    assert "E_DUPFRAMES, too many repeated frames" in story["1 reject"]["33.300 s"]


def test_a_rejected_video_says_why(catalog):
    assert (
        "E_MOOV, cut off before its index"
        in told(explain(catalog, "torn 000000"))["1 reject"]["all of it"]
    )
    story = told(explain(catalog, "nowhere"))
    assert story["Video"]["state"] == "rejected; it is in no bundle"


@pytest.mark.parametrize(
    ("moment", "title", "fact"),
    [
        ("cooking/eggs@5.5", "In 1 clip", "4.000 s: crack the eggs"),
        ("cooking/eggs@0:05.5", "In 1 clip", "4.000 s: crack the eggs"),
        ("cooking/eggs@34", "In no clip", "a clip was planned here and rejected"),
        ("cooking/eggs@3.5", "In no clip", "clips are cut around narration"),
        ("cooking/eggs@61", "In no clip", "the video ends at 60.000 s"),
        ("torn 000000@1", "In no clip", "the video is rejected: E_MOOV"),
    ],
)
def test_a_moment_is_in_a_clip_or_there_is_a_reason(catalog, moment, title, fact):
    assert any(fact in value for value in told(explain(catalog, moment))[title].values())


def test_the_key_of_a_rejected_clip_is_a_moment(catalog):
    story = told(explain(catalog, sample_key("cooking/eggs", 33_300)))
    assert "33.300 s" in story["Rejected here"]


def test_what_is_not_known_is_bad_input_with_a_hint(catalog):
    with pytest.raises(ValueError, match="there is 'cooking/eggs'"):
        explain(catalog, "eggs")
    with pytest.raises(ValueError, match="no video of that hash"):
        explain(catalog, "0" * 16 + "_" + "0" * 9)


def test_the_source_is_hashed_and_its_cues_are_read_again(catalog, tmp_path, make_vtt):
    (tmp_path / "cooking").mkdir()
    (tmp_path / "cooking" / "eggs.mp4").write_bytes(b"not what was read")
    make_vtt(tmp_path / "cooking" / "eggs.vtt", [(5.0, 6.0, "crack the eggs"), (50.0, 51.0, "far")])
    story = told(explain(catalog, sample_key("cooking/eggs", 4000), str(tmp_path)))
    assert story["Source file now"]["is it the same"] == f"NOT {'ab' * 32} any more"
    assert story["Cues of its captions"]["5.000 to 6.000 s"] == "crack the eggs"
    assert "50.000 to 51.000 s" not in story["Cues of its captions"]
    with pytest.raises(ValueError, match="--source must list the video 'quiet'"):
        explain(catalog, "quiet", str(tmp_path))
