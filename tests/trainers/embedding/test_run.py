"""Shards are embedded part by part: whole, resumed, by actors, with damage."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import ray

from shards.features.folder import Collection, committed
from shards.features.parquet import PROVENANCE
from shards.manifest import Manifest
from trainers.embedding.plan import make_plan
from trainers.embedding.run import embed_shards
from trainers.evaluation.clips import list_clips
from trainers.evaluation.embed import Embedder
from trainers.loop.run import load_run

NUM_PARTS = 3


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All features of the shards, made in this process without a stop."""
    out = tmp_path_factory.mktemp("whole") / "out"
    assert embed_shards(make_plan(tiny.job(out))).made == NUM_PARTS
    return out


def test_features_are_those_of_an_evaluation_and_null_where_there_are_none(tiny, whole) -> None:
    clips = list_clips(Manifest.load(str(tiny.shards)))
    job, model, tokenizer, _ = load_run(tiny.run_dir)
    features, _ = Embedder(job, model, tokenizer, 3, 20).clips(clips)
    collection = Collection.load(str(whole))
    for name, expected in (
        ("embedding", features.embedding),
        ("video", features.video),
        ("audio", features.audio),
        ("text", features.text),
        *((f"joint_{name}", x_NH) for name, x_NH in features.joint.items()),
    ):
        found, there = collection.vectors(name)
        lacking = {"audio": [1], "joint_audio": [1], "text": [5], "joint_text": [5]}.get(name, [])
        assert np.flatnonzero(~there).tolist() == lacking
        assert found[there] == pytest.approx(expected[there], rel=1e-3, abs=1e-4)
    assert collection.table(["key"])["key"].to_pylist() == [clip.key for clip in clips]
    assert collection.widths["joint_audio"] == 12


def test_what_comes_of_frames_and_words_is_the_same_bits_without_any_sound(
    tiny, whole: Path, mute_shards: Path, tmp_path: Path
) -> None:
    embed_shards(make_plan(tiny.job(tmp_path / "out", shards=str(mute_shards))))
    with_sound, without = Collection.load(str(whole)), Collection.load(str(tmp_path / "out"))
    for name in ("embedding", "video", "text", "joint_video", "joint_text"):
        assert np.array_equal(with_sound.vectors(name)[0], without.vectors(name)[0])
    assert not without.vectors("joint_audio")[1].any() and not without.vectors("audio")[1].any()


def test_a_part_says_what_it_is_of_and_by_what(tiny, whole: Path) -> None:
    said = json.loads(pq.read_schema(whole / "000001-00.parquet").metadata[PROVENANCE])
    manifest = Manifest.load(str(tiny.shards))
    checkpoint = json.loads((tiny.run_dir / "checkpoints/step-00000007/MANIFEST.json").read_text())
    assert said["step"] == 7 and said["run"] == str(tiny.run_dir)
    assert said["checkpoint_sha256"] == checkpoint["files"]["state.pt"]["sha256"]
    assert said["shards_sha256"] == manifest.sha256
    assert said["shard_sha256"] == manifest.shards[1]["sha256"]
    assert {"torch", "weakvid", "sources"} <= set(said["code"])


def test_held_out_recall_stands_in_the_manifest(whole: Path) -> None:
    recall = Collection.load(str(whole)).manifest["recall"]
    assert (recall["split"], recall["num_queries"], recall["num_clips"]) == ("test", 5, 6)
    assert 0 <= recall["t2v"]["r1"] <= recall["t2v"]["r10"] == 1.0 == recall["chance"]["r10"]


def test_stopped_and_gone_on_gives_the_same_bytes(
    tiny, whole: Path, tmp_path: Path, files_of: Callable
) -> None:
    asked = iter((False, True))
    first = embed_shards(make_plan(tiny.job(tmp_path)), lambda: next(asked))
    assert (first.made, first.manifest) == (1, None)
    assert not (tmp_path / "embeddings.json").exists()
    # What a crash between part and record leaves.
    (tmp_path / "000001-00.parquet").write_bytes(b"half")
    second = embed_shards(make_plan(tiny.job(tmp_path)))
    assert second.made == NUM_PARTS - 1
    assert files_of(tmp_path) == files_of(whole)
    assert embed_shards(make_plan(tiny.job(tmp_path))).made == 0
    assert files_of(tmp_path) == files_of(whole)


@pytest.mark.ray
def test_actors_one_of_which_is_killed_give_the_same_bytes_and_say_what_is_damaged(
    tiny, tmp_path: Path, files_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, marks = damaged(tiny, tmp_path), tmp_path / "marks"
    marks.mkdir()
    plan = make_plan(tiny.job(tmp_path / "out", workers=2, shards=str(copy)))
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        monkeypatch.setattr("trainers.embedding.workers.PartMaker", dying_once(marks))
        with pytest.raises(ValueError, match=r"000002-00\.tar must have the sha256") as told:
            embed_shards(plan)
    finally:
        ray.shutdown()
        monkeypatch.undo()
    assert type(told.value) is ValueError and (marks / "died").exists()
    by_actors = committed(plan.out)
    assert by_actors
    shutil.copy(tiny.shards / "000002-00.tar", copy)
    there = make_plan(tiny.job(tmp_path / "out", shards=str(copy)))
    assert embed_shards(there).made == NUM_PARTS - len(by_actors)
    embed_shards(make_plan(tiny.job(tmp_path / "alone", shards=str(copy))))
    assert files_of(tmp_path / "out") == files_of(tmp_path / "alone")


def dying_once(marks: Path) -> type:
    """Return a maker whose process is killed when it first makes the first part."""
    from trainers.embedding.workers import PartMaker

    class Dying:
        def __init__(self, plan: object) -> None:
            self.maker = PartMaker(plan)

        def make(self, number: int) -> dict:
            if number == 0 and not (marks / "died").exists():
                (marks / "died").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return self.maker.make(number)

    return Dying


def test_a_clip_that_cannot_be_read_has_no_row_and_is_told(
    tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainers.evaluation import embed

    broken = list_clips(Manifest.load(str(tiny.shards)))[4].key
    see = embed.see

    def fail(clip, *args, **options):
        if clip.key == broken:
            raise ValueError(f"sample of {tiny.shards}/000001-00.tar must be readable")
        return see(clip, *args, **options)

    monkeypatch.setattr(embed, "see", fail)
    manifest = embed_shards(make_plan(tiny.job(tmp_path))).manifest
    assert (manifest["rows"], manifest["lost"]) == (8, 1)
    why = "sample of SHARDS/000001-00.tar must be readable"
    assert manifest["parts"][1]["lost"] == [{"key": broken, "why": why}]
    assert broken not in Collection.load(str(tmp_path)).table(["key"])["key"].to_pylist()


def damaged(tiny, folder: Path) -> Path:
    """Return a copy of the shards, the last byte of one of which has changed."""
    copy = shutil.copytree(tiny.shards, folder / "shards")
    tar = copy / "000002-00.tar"
    tar.write_bytes(tar.read_bytes()[:-1] + b"x")
    return copy


def test_a_shard_that_is_not_that_of_its_manifest_is_refused(tiny, tmp_path: Path) -> None:
    copy = damaged(tiny, tmp_path)
    with pytest.raises(ValueError, match=r"000002-00\.tar must have the sha256"):
        embed_shards(make_plan(tiny.job(tmp_path / "out", shards=str(copy))))


def test_only_what_is_wanted_is_written_and_another_plan_is_refused(tiny, tmp_path: Path) -> None:
    plan = make_plan(tiny.job(tmp_path, features=("joint",), format="webdataset"))
    manifest = embed_shards(plan).manifest
    assert list(manifest["features"]) == ["joint_audio", "joint_text", "joint_video"]
    assert "lacks embedding" in manifest["recall"]["skipped"]
    with pytest.raises(ValueError, match="wanted: "):
        embed_shards(make_plan(tiny.job(tmp_path)))


def test_code_that_only_trains_may_change_and_code_that_embeds_may_not(
    tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainers.embedding import plan

    before = make_plan(tiny.job()).provenance["code"]
    known = dict(plan.code_version())
    for name, same in (("trainers/losses/cyclic.py", True), ("trainers/models/s3d.py", False)):
        assert name in known
        monkeypatch.setattr(plan, "code_version", lambda name=name: known | {name: "another"})
        assert (make_plan(tiny.job()).provenance["code"] == before) is same


def test_the_runs_own_folder_holds_the_newest_embedding_only(
    tiny, tmp_path: Path, files_of: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(tiny.run_dir, tmp_path / "tiny")
    own = tmp_path / "tiny/embeddings"
    job = tiny.job(features=("embedding", "video"), format="webdataset")
    here = job.run.model_copy(update={"root": str(tmp_path)})
    embed_shards(make_plan(job.model_copy(update={"run": here})))
    (own / "notes.txt").write_text("mine")
    other = tiny.job(features=("embedding",)).model_copy(update={"run": here})
    assert embed_shards(make_plan(other)).made == NUM_PARTS
    assert "made again" in caplog.text and "wanted" in caplog.text
    names = sorted(files_of(own))
    assert "notes.txt" in names and not [name for name in names if name.endswith(".tar")]
    assert list(Collection.load(str(own)).widths) == ["caption_embedding", "embedding"]
