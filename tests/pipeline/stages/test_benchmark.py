"""The table that shards of a published evaluation are built from."""

import csv
import os
from pathlib import Path

import pytest

from configs.clips import ClipsConfig
from pipeline.stages import benchmark
from pipeline.tasks.clips import Subject, plan_clips, slot_ms
from trainers.evaluation.clips import Clip
from trainers.evaluation.listings import read_listing
from trainers.evaluation.windows import choose_windows

YOUCOOK = (
    Path(os.environ.get("WEAKVID_TEST_DATA", "../shared/data"))
    / "eval"
    / "mil-nce"
    / "validation_youcook.csv"
)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_part_of_a_video_is_a_row_with_an_id_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listing = tmp_path / "youcook.csv"
    listing.write_text(
        "end,start,task,text,video_id\n60,47,226,cut it,abc\n60,47,226,chop it,abc\n"
        "89,67,226,stir,abc\n5,1,101,fry,gone\n"
    )
    videos = tmp_path / "videos"
    (videos / "validation" / "226").mkdir(parents=True)
    (videos / "validation" / "226" / "abc.webm").write_bytes(b"x")
    out = tmp_path / "table.csv"
    assert benchmark.run(str(listing), str(videos), str(out)) == 0
    path = str(videos / "validation" / "226" / "abc.webm")
    assert rows_of(out) == [
        {"id": "abc/47-60", "video": path, "start": "47.0", "end": "60.0"},
        {"id": "abc/67-89", "video": path, "start": "67.0", "end": "89.0"},
    ]
    said = capsys.readouterr().out
    assert "2 of 3 parts of videos are there" in said
    assert "gone/1-5" in said
    assert "--clips.policy linspace --clips.fps 10" in said


def test_a_name_with_its_extension_and_a_flat_folder_are_found_too(tmp_path: Path) -> None:
    listing = tmp_path / "hmdb.csv"
    listing.write_text("video_id,label,split1\na.b.avi,run_test,1\nc.avi,run_test,2\n")
    (tmp_path / "run").mkdir()
    for path in (tmp_path / "run" / "a.b.avi", tmp_path / "c.avi"):
        path.write_bytes(b"x")
    out = tmp_path / "table.csv"
    benchmark.run(str(listing), str(tmp_path), str(out))
    assert [row["video"] for row in rows_of(out)] == [
        str(tmp_path / "run" / "a.b.avi"),
        str(tmp_path / "c.avi"),
    ]
    assert list(rows_of(out)[0]) == ["id", "video"]


def test_a_folder_with_none_of_the_videos_is_refused(tmp_path: Path) -> None:
    listing = tmp_path / "hmdb.csv"
    listing.write_text("video_id,label,split1\na.avi,run_test,1\n")
    with pytest.raises(ValueError, match=r"such as run/a\.avi or a\.avi"):
        benchmark.run(str(listing), str(tmp_path), str(tmp_path / "table.csv"))
    with pytest.raises(ValueError, match="must be a folder"):
        benchmark.run(str(listing), str(tmp_path / "none"), str(tmp_path / "table.csv"))
    assert not (tmp_path / "table.csv").exists()


@pytest.mark.skipif(not YOUCOOK.is_file(), reason=f"test material: {YOUCOOK} is not there")
def test_of_every_youcook_row_all_ten_windows_are_found_in_what_linspace_cuts() -> None:
    clips = ClipsConfig(policy="linspace")
    _, rows = read_listing(YOUCOOK)
    for row in rows:
        plan = plan_clips([], Subject(row.id, 10_000.0, 43_200.0, row.interval), clips)
        starts_s = [slot_ms(slot, clips.fps) / 1000 for slot in plan.starts]
        stored = [Clip("k", row.id, "train", "s", 0, 1, s, s + 3.2, "") for s in starts_s]
        found = choose_windows(row, stored, 10)
        assert (sum(found.counts), found.lost) == (10, 0), row
        assert len(found.clips) == len(stored), row
