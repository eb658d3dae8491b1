"""Clips found by words, by one of them, and by other frames."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from shards.clipcodec import clip_frames
from shards.features.folder import Collection
from shards.manifest import Manifest
from shards.read import read_sample_at
from trainers.embedding.plan import make_plan
from trainers.embedding.run import embed_shards
from trainers.embedding.search import Searcher
from trainers.evaluation.clips import Clip, list_clips
from trainers.load import load_encoders


@pytest.fixture(scope="module")
def collection(tiny, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    out = tmp_path_factory.mktemp("found")
    embed_shards(make_plan(tiny.job(out, features=("embedding",))))
    return Collection.load(str(out))


@pytest.fixture(scope="module")
def searcher(collection: Collection) -> Searcher:
    return Searcher(collection)


@pytest.fixture(scope="module")
def clips(tiny) -> list[Clip]:
    return list_clips(Manifest.load(str(tiny.shards)))


def test_words_find_the_clips_with_the_highest_scores(tiny, searcher, clips, collection) -> None:
    hits = searcher.by_words("fry the egg", 4)
    text_D = load_encoders(tiny.run_dir).texts(["fry the egg"]).embedding_ND[0]
    scores_N = collection.vectors("embedding")[0] @ text_D
    best = np.argsort(-scores_N)[:4]
    assert [hit.about["key"] for hit in hits] == [clips[row].key for row in best]
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    assert [hit.score for hit in hits] == pytest.approx(scores_N[best], abs=1e-4)
    assert hits[0].about["caption"] == clips[best[0]].caption


def test_a_clip_finds_others_and_not_itself(searcher, clips, collection) -> None:
    hits = searcher.by_key(clips[3].key, 20)
    assert len(hits) == len(clips) - 1
    assert clips[3].key not in [hit.about["key"] for hit in hits]
    x_ND = collection.vectors("embedding")[0]
    x_ND -= x_ND.mean(axis=0)
    unit = x_ND / np.linalg.norm(x_ND, axis=1, keepdims=True)
    assert hits[0].score == pytest.approx(np.delete(unit @ unit[3], 3).max(), abs=1e-3)
    with pytest.raises(ValueError, match="got 'nobody'"):
        searcher.by_key("nobody", 3)


def test_the_frames_of_a_clip_find_that_clip(tiny, searcher, clips) -> None:
    clip = clips[6]
    sample = read_sample_at(str(tiny.shards / clip.shard), clip.offset, clip.length)
    best = searcher.by_frames(clip_frames(sample, "pyav"), 1)[0]
    assert best.about["key"] == clip.key and best.score == pytest.approx(1.0, abs=1e-4)


def test_one_split_is_searched_by_clips_of_any(collection, clips) -> None:
    test_only = Searcher(collection, split="test")
    assert len(test_only.about) == 6
    assert {hit.about["split"] for hit in test_only.by_key(clips[0].key, 9)} == {"test"}


def test_the_index_is_held_against_exact_scores(searcher) -> None:
    assert searcher.agreement(3) == (1.0, 5)


def test_words_that_mean_nothing_to_the_run_are_refused(searcher) -> None:
    with pytest.raises(ValueError, match="some that the run knows"):
        searcher.by_words("   ", 3)


def test_another_checkpoint_or_none_is_refused_but_a_moved_run_is_not(
    tiny, collection, tmp_path: Path
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(tiny.run_dir, moved)
    assert Searcher(collection, str(moved)).by_words("stir", 1)
    stale = Collection(collection.out, collection.manifest | {"checkpoint_sha256": "another"})
    with pytest.raises(ValueError, match="got another"):
        Searcher(stale).by_words("stir", 1)
    with pytest.raises(ValueError, match="7 must be a checkpoint"):
        Searcher(collection, str(tmp_path / "nowhere")).by_words("stir", 1)


def test_a_collection_without_points_is_refused(tiny, tmp_path: Path) -> None:
    embed_shards(make_plan(tiny.job(tmp_path, features=("text",))))
    with pytest.raises(ValueError, match=r"embedding\.features"):
        Searcher(Collection.load(str(tmp_path)))
