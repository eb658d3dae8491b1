"""`weakvid shards --remove`: videos that are taken down stay away, and nothing is decoded."""

import json
import shutil

import pytest

import pipeline.tasks.plan as plan_module
from configs.runs import ShardsJob
from pipeline.stages import shards, verify
from pipeline.tasks.planfile import load_plan
from pipeline.tasks.takedown import rewrite_bundle
from shards.manifest import Manifest, load_rejects


@pytest.fixture(autouse=True)
def one_bundle(monkeypatch):
    monkeypatch.setattr(plan_module, "LEAST_BUNDLES", 1)


def job(source, out, *remove: str, **changes) -> ShardsJob:
    return ShardsJob.model_validate(
        {
            "sources": {"path": str(source) if source else ""},
            "clips": {"short_side": 32},
            "shards": {"out": str(out), "max_shard_samples": 3, **changes},
            "remove": remove,
        }
    )


def tree(out) -> dict[str, bytes]:
    """What readers follow, without what tells removed videos from unlisted ones."""
    names = [*out.glob("*.tar"), *out.glob("done/0*"), *out.glob("*.parquet"), out / "plan.json"]
    return {str(path.relative_to(out)): path.read_bytes() for path in names}


def test_a_video_that_is_taken_down_leaves_what_a_build_without_it_gives(
    built, source, tmp_path, capsys
):
    out, other = tmp_path / "out", tmp_path / "other"
    assert shards.run(job(source, out)) == shards.run(job(source, other)) == 0
    assert len(load_plan(str(out)).fingerprints()) == 1
    built.clear()
    shutil.move(source, tmp_path / "gone")
    assert shards.run(job(None, out, "bob")) == 0
    assert built == []
    assert "E_REMOVED 1" in capsys.readouterr().out
    shutil.move(tmp_path / "gone", source)
    for path in source.glob("bob.*"):
        path.unlink()
    assert shards.run(job(source, other)) == 0
    assert tree(out) == tree(other)
    assert verify.run(str(out)) == 0


def test_a_later_build_with_the_same_listing_does_not_bring_it_back(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    shards.run(job(None, out, "bob"))
    before, num_built = tree(out), len(built)
    manifest = Manifest.load(str(out))
    assert manifest.version == 2
    assert "bob" not in manifest.samples.column("video_id").to_pylist()
    assert "bob" not in manifest.videos().column("video_id").to_pylist()
    assert shards.run(job(source, out)) == 0
    assert len(built) == num_built and tree(out) == before
    assert Manifest.load(str(out)).version == 2
    rows = [row for row in load_rejects(str(out)) if row["video_id"] == "bob"]
    assert [row["code"] for row in rows] == ["E_REMOVED"]
    # Not even where everything is built anew.
    assert shards.run(job(source, out, val_share=0.3)) == 0
    assert "bob" not in Manifest.load(str(out)).samples.column("video_id").to_pylist()
    assert verify.run(str(out)) == 0


def test_the_last_video_of_a_bundle_takes_the_bundle_along(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    assert shards.run(job(None, out, "ada", "bob", "cy", "torn")) == 0
    assert not list(out.glob("*.tar")) and not list(out.glob("done/0*"))
    assert Manifest.load(str(out)).num_samples == 0
    assert verify.run(str(out)) == 0


def test_an_interrupted_removal_is_seen_by_readers_and_finished_by_the_next(
    built, source, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    shards.run(job(source, out))

    def die(*args, **caps):
        rewrite_bundle(*args, **caps)
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.tasks.takedown.rewrite_bundle", die)
    with pytest.raises(KeyboardInterrupt):
        shards.run(job(None, out, "bob"))
    with pytest.raises(ValueError, match="a build is under way"):
        Manifest.load(str(out))
    monkeypatch.setattr("pipeline.tasks.takedown.rewrite_bundle", rewrite_bundle)
    built.clear()
    assert shards.run(job(None, out, "bob")) == 0
    assert built == [] and verify.run(str(out)) == 0


def test_removal_from_a_build_that_is_not_complete_lets_the_build_go_on(
    built, source, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    shards.run(job(source, out))
    for path in source.glob("cy.*"):
        shutil.copy(path, source / f"dora{path.suffix}")

    def drained(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.tasks.run.run_bundles", drained)
        assert shards.run(job(source, out)) == 130
    assert shards.run(job(None, out, "bob")) == 0
    assert not (out / "_SUCCESS").exists()
    assert shards.run(job(source, out)) == 0
    videos = set(Manifest.load(str(out)).samples.column("video_id").to_pylist())
    assert videos == {"ada", "cy", "dora"} and verify.run(str(out)) == 0


def test_a_transcript_of_ours_goes_along(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    from pipeline.tasks.narration import transcript_name

    path = out / "_transcripts" / transcript_name("bob")
    path.parent.mkdir()
    path.write_text("{}")
    assert shards.run(job(None, out, "bob")) == 0
    assert not path.exists()


def test_unknown_ids_and_folders_are_refused_and_change_nothing(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    before = tree(out)
    with pytest.raises(ValueError, match="zoe"):
        shards.run(job(None, out, "bob", "zoe"))
    assert tree(out) == before and not (out / "removed.json").exists()
    with pytest.raises(ValueError, match="shards.out"):
        shards.run(job(None, tmp_path / "nowhere", "bob"))
    assert not (tmp_path / "nowhere").exists()


def test_a_dry_run_names_what_would_be_rewritten(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    before = tree(out)
    text = shards.plan_text(job(None, out, "bob"))
    assert "bob" in text and "1 bundles: 000000" in text and tree(out) == before


def test_a_damaged_tombstone_stops_the_build(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    (out / "removed.json").write_text(json.dumps(["bob"]))
    with pytest.raises(ValueError, match=r"removed\.json"):
        shards.run(job(source, out))
