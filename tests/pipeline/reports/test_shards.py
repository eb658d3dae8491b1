import json
from pathlib import Path

import pytest

from pipeline.reports.costs import Cost
from pipeline.reports.shards import NUM_SHEETS, REPORT, collect, write_shards_report
from pipeline.reports.sources import Kind
from pipeline.reports.spoken import Hint, Suspect
from shards.manifest import Manifest


@pytest.fixture(scope="module")
def report(little_shards):
    return collect(Manifest.load(little_shards))


@pytest.fixture
def short(monkeypatch) -> None:
    """A page of few sheets is made in a fraction of the time."""
    monkeypatch.setattr("pipeline.reports.shards.NUM_SHEETS", 2)


def test_the_tiles_are_the_totals_of_the_manifest(report):
    tiles = {tile.label: tile for tile in report.tiles}
    assert tiles["Clips"].exact == 12 and tiles["Clips"].note == "of 14 planned"
    assert tiles["Footage in clips"].exact == pytest.approx(12 * 3.2 / 3600)
    assert tiles["Videos"].note == "gave clips, of 5"
    assert tiles["Words"].exact == 3 * 3 + 3 * 4 + 6 * 3


def test_sources_are_counted_by_kind_and_flag(report):
    sources = report.sources
    assert (sources.num_sources, sources.num_opened) == (5, 5)
    assert sources.codecs == [Kind("h264", 5, 1.0)]
    assert sources.sizes == [Kind("up to 360p", 5, 1.0)]
    assert sources.languages == [Kind("en", 5, 1.0)]
    flags = {kind.label: kind.share for kind in sources.flags}
    assert flags["W_VFR"] == 1.0
    assert flags["W_OPENGOP"] == flags["W_EDITLIST"] == 0.0


def test_hints_of_misalignment_are_counted(report):
    hints = {hint.what: hint for hint in report.spoken.hints}
    assert hints["nearest window does not touch the clip"].count == 0
    assert hints["captions go on after the video's end"] == Hint(
        "captions go on after the video's end", 0, 12, "W_CAPPASTEOF: captions of another cut?"
    )
    assert report.spoken.num_read == 12
    assert Suspect("quiet", "its narration ends 3.0 s after it") in report.spoken.suspects
    assert Suspect("torn 000001", "something is said in 5.0% of it") in report.spoken.suspects


def test_twins_are_grouped_by_their_bytes(report):
    assert report.sources.twins == [["cooking/eggs", "quiet"]]


def test_there_is_a_sheet_of_each_clip_as_far_as_there_are_that_many(report):
    assert len(report.sheets.sheets) == 12 <= NUM_SHEETS
    videos = [sheet.video_id for sheet in report.sheets.sheets]
    assert len(set(videos[:3])) == 3


def test_the_page_escapes_what_strangers_wrote_and_loads_nothing(built_shards, short):
    path, is_new = write_shards_report(built_shards)
    page = Path(path).read_text()
    assert is_new and path == f"{built_shards}/{REPORT}"
    assert "<script" not in page and "\x1b" not in page and "{{7*7}}" in page
    assert "default-src 'none'" in page and "http://" not in page and "https://" not in page


def test_the_same_shards_give_the_same_page_and_are_not_drawn_twice(built_shards, short, tmp_path):
    path, _ = write_shards_report(built_shards)
    other, is_new = write_shards_report(built_shards, str(tmp_path / "other.html"))
    assert is_new and Path(path).read_text() == Path(other).read_text()
    assert write_shards_report(built_shards) == (path, False)


def test_a_new_manifest_gives_a_new_page(built_shards, short):
    path, _ = write_shards_report(built_shards)
    page = Path(path)
    page.write_text(page.read_text().replace(Manifest.load(built_shards).sha256, "0" * 64, 1))
    assert write_shards_report(built_shards) == (path, True)


def test_a_folder_without_a_manifest_is_bad_input(tmp_path):
    with pytest.raises(ValueError, match=r"manifest\.json"):
        write_shards_report(str(tmp_path))


def test_with_the_truth_the_bags_are_judged(built_shards, short, tmp_path):
    truth = tmp_path / "corpus" / "truth"
    truth.mkdir(parents=True)
    step = {"video_id": "quiet", "start_s": 0.0, "end_s": 60.0, "sentence": "x", "step": 1}
    cue = {"video_id": "quiet", "start_s": 1.0, "end_s": 2.0, "text": "nothing", "step": 1}
    (truth / "steps.jsonl").write_text(json.dumps(step) + "\n")
    (truth / "cues.jsonl").write_text(json.dumps(cue) + "\n")
    path, _ = write_shards_report(built_shards, corpus=tmp_path / "corpus")
    page = Path(path).read_text()
    assert "How often the bag holds the right narration" in page and "Of 6 clips" in page


def test_what_the_build_cost_is_told_and_makes_another_page(built_shards, short):
    write_shards_report(built_shards)
    costs = [Cost("Clips planned", "100", "110", 1.1)]
    path, is_new = write_shards_report(built_shards, costs=costs)
    assert is_new and "happened / estimated" in Path(path).read_text()
    assert write_shards_report(built_shards, costs=costs) == (path, False)
