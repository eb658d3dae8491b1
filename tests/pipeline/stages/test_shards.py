"""The verb `shards` without Ray: bundles are built one after the other in this process."""

import contextlib
import json
import shutil

import pytest

from configs.runs import ShardsJob
from pipeline.stages import shards, status, verify
from pipeline.tasks.planfile import load_plan


def job(source, out, **changes) -> ShardsJob:
    return ShardsJob.model_validate(
        {
            "sources": {"path": str(source)},
            "clips": {"short_side": 32, **changes.get("clips", {})},
            "shards": {"out": str(out), **changes.get("shards", {})},
        }
    )


def tars(out):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.glob("*.tar")}


def test_planned_is_written_plus_rejected(built, source, tmp_path, capsys):
    out = tmp_path / "out"
    assert shards.run(job(source, out)) == 0
    said = capsys.readouterr().out
    assert "planned 8 = written 8 + rejected 0" in said
    assert "4 listed: 3 gave clips, 1 are rejected" in said and "E_MOOV 1" in said
    [row] = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    assert (row["video_id"], row["code"], row["source"]) == ("torn", "E_MOOV", "torn.mp4")
    assert verify.run(str(out)) == 0
    assert status.run(str(out)) == 0
    assert "complete" in capsys.readouterr().out


def test_a_second_run_builds_nothing_and_touches_no_tar(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    before, num_built = tars(out), len(built)
    assert shards.run(job(source, out)) == 0
    assert len(built) == num_built and tars(out) == before


def test_a_changed_source_builds_its_bundle_only(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    bundle_of = {
        row["video_id"]: f"{row['bundle']:06d}" for row in load_plan(str(out)).sources.to_pylist()
    }
    built.clear()
    (source / "bob.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nother words\n")
    assert shards.run(job(source, out)) == 0
    assert built == [bundle_of["bob"]]
    assert verify.run(str(out)) == 0


def test_new_sources_leave_the_old_bundles_alone(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    before = tars(out)
    built.clear()
    for suffix in (".mp4", ".vtt"):
        shutil.copy(source / f"cy{suffix}", source / f"dora{suffix}")
    assert shards.run(job(source, out)) == 0
    after = tars(out)
    assert len(built) == 1 and {name: after[name] for name in before} == before
    assert verify.run(str(out)) == 0


def test_a_source_that_is_gone_takes_its_clips_along(built, source, tmp_path, capsys):
    out = tmp_path / "out"
    shards.run(job(source, out))
    (source / "ada.mp4").unlink()
    assert shards.run(job(source, out)) == 0
    assert "E_CAPNOVIDEO 1" in capsys.readouterr().out
    assert verify.run(str(out)) == 0
    assert "ada" not in _video_ids(out)


def test_another_set_of_videos_does_not_take_the_place_of_a_build(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    before = tars(out)
    other = tmp_path / "other"
    other.mkdir()
    for suffix in (".mp4", ".vtt"):
        shutil.copy(source / f"cy{suffix}", other / f"zoe{suffix}")
    with pytest.raises(ValueError, match="sources.path must hold some of the"):
        shards.run(job(other, out))
    assert tars(out) == before and verify.run(str(out)) == 0


def _video_ids(out):
    from shards.manifest import Manifest

    return Manifest.load(str(out)).samples["video_id"].to_pylist()


def test_a_lost_tar_is_built_again(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    before = {name: data for name, (data, _) in tars(out).items()}
    victim = sorted(out.glob("*.tar"))[0]
    victim.unlink()
    built.clear()
    assert shards.run(job(source, out)) == 0
    assert built == [victim.name[:6]]
    assert {name: data for name, (data, _) in tars(out).items()} == before


def test_rejected_sources_are_tried_again_when_asked(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    built.clear()
    assert shards.run(job(source, out, shards={"retry_rejects": True})) == 0
    assert len(built) == 1


def test_trying_rejects_again_forgets_the_quarantine(built, source, tmp_path):
    out = tmp_path / "out"
    shards.run(job(source, out))
    (out / "quarantine.json").write_text('{"version": 1, "verdicts": []}')
    assert shards.run(job(source, out)) == 0 and (out / "quarantine.json").exists()
    assert shards.run(job(source, out, shards={"retry_rejects": True})) == 0
    assert not (out / "quarantine.json").exists()


def test_too_many_rejects_end_with_code_3(built, source, tmp_path):
    out = tmp_path / "out"
    assert shards.run(job(source, out, shards={"max_reject": 0.2})) == 3
    assert shards.run(job(source, out, shards={"max_reject": 0.25})) == 0


def test_a_dry_run_says_what_would_happen_and_touches_nothing(source, tmp_path):
    out = tmp_path / "out"
    text = shards.plan_text(job(source, out))
    assert "4 videos" in text and not out.exists()


def test_bad_folders_name_their_setting(tmp_path, source):
    with pytest.raises(ValueError, match=r"sources\.path"):
        shards.run(job(tmp_path / "nowhere", tmp_path / "out"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"shards\.out"):
        shards.run(job(source, tmp_path / "file" / "out"))
    with pytest.raises(ValueError, match=r"shards\.out"):
        shards.run(job(source, ""))


def test_a_dead_drivers_leftovers_are_swept(built, source, tmp_path):
    out = tmp_path / "out"
    (out / "_tmp").mkdir(parents=True)
    (out / "_tmp" / "000000-00.tar.1-dead").write_bytes(b"half")
    (out / "000009-00.tar").write_bytes(b"no record names it")
    shards.run(job(source, out))
    assert list((out / "_tmp").iterdir()) == [] and not (out / "000009-00.tar").exists()


def test_the_folder_is_surveyed_when_it_is_held(built, source, tmp_path, monkeypatch):
    hold = shards.hold_output

    @contextlib.contextmanager
    def late(out):
        monkeypatch.setattr(shards, "hold_output", hold)
        assert shards.run(job(source, out)) == 0
        built.clear()
        with hold(out):
            yield

    monkeypatch.setattr(shards, "hold_output", late)
    assert shards.run(job(source, tmp_path / "out")) == 0
    assert built == []


def test_books_that_do_not_close_are_a_failure_and_no_bad_input(
    built, source, tmp_path, monkeypatch
):
    def broken(*args):
        raise ValueError("planned clips must equal written + rejected")

    monkeypatch.setattr(shards, "fold", broken)
    with pytest.raises(RuntimeError, match="planned clips"):
        shards.run(job(source, tmp_path / "out"))
