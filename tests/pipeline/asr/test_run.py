"""Transcripts under Ray, with a real model and a real kill of the process that holds it."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

from configs.asr import AsrConfig
from configs.runs import RayConfig
from configs.sources import LimitsConfig, SourcesConfig
from pipeline.asr.drive import make_setup, plan_lines, transcribe_missing
from pipeline.asr.transcript import names_of
from pipeline.asr.work import Setup
from pipeline.listing.build import list_sources
from pipeline.listing.source import SourceFile

pytestmark = pytest.mark.ray


@pytest.fixture
def setup(tiny_model, tmp_path) -> Setup:
    config = AsrConfig(model=str(tiny_model), beam=1, actors=1)
    return make_setup(str(tmp_path / "transcripts"), config, LimitsConfig())


@pytest.fixture
def videos(tmp_path, narrated, make_video):
    folder = tmp_path / "videos"
    folder.mkdir()
    (folder / "torn.mp4").write_bytes((narrated / "torn.mp4").read_bytes())
    make_video(folder / "mute.mp4", num_frames=60)
    return folder


def listed(folder: Path):
    return list_sources(SourcesConfig(path=str(folder))).sources


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()}


def test_a_poisoned_video_is_a_row_and_a_rerun_does_nothing(setup, videos, test_data):
    (videos / "talk.mov").write_bytes((test_data / "narrated" / "autocut_en.mov").read_bytes())
    sources = listed(videos)
    assert transcribe_missing(sources, setup, RayConfig(cpus=1)) == 0
    folder = Path(setup.folder)
    rows = [json.loads(line) for line in (folder / "rejects.jsonl").read_text().splitlines()]
    assert [(row["video_id"], row["code"], row["stage"]) for row in rows] == [
        ("torn", "E_MOOV", "asr")
    ]
    talk = json.loads((folder / names_of("talk")[0]).read_text())
    assert "auto" in talk["text"].lower() and talk["segments"][0]["words"]
    assert json.loads((folder / names_of("mute")[0]).read_text())["segments"] == []
    before = tree(folder)
    assert len(before) == 4
    assert transcribe_missing(sources, setup, RayConfig(cpus=1)) == 0
    before.pop("rejects.jsonl")
    assert before.items() <= tree(folder).items()
    os.utime(videos / "mute.mp4", ns=(1, 1))
    assert "1 to do" in " ".join(plan_lines(listed(videos), setup))


def test_a_video_that_kills_its_worker_is_rejected_and_the_others_are_done(setup, videos):
    # Under Ray's pickling a source carries itself, so one that dies on arrival kills its worker.
    (videos / "long.mp4").write_bytes((videos / "mute.mp4").read_bytes())
    sources = listed(videos)
    [poison] = [source for source in sources if source.video_id == "long"]
    sources[sources.index(poison)] = Poison(**dataclasses.asdict(poison))
    assert transcribe_missing(sources, setup, RayConfig(cpus=1)) == 0
    rows = (Path(setup.folder) / "rejects.jsonl").read_text().splitlines()
    codes = {json.loads(row)["video_id"]: json.loads(row)["code"] for row in rows}
    assert codes == {"torn": "E_MOOV", "long": "E_CRASH"}
    assert (Path(setup.folder) / names_of("mute")[0]).is_file()


class Poison(SourceFile):
    """A source that takes the process along which unpacks it."""

    def __reduce__(self):
        return os._exit, (1,)
