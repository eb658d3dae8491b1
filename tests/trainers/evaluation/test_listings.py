"""Published listings of clips."""

import os
from pathlib import Path

import pytest

from trainers.evaluation.listings import Row, read_listing

MATERIAL = Path(os.environ.get("WEAKVID_TEST_DATA", "../shared/data")) / "eval" / "mil-nce"
needs_material = pytest.mark.skipif(
    not MATERIAL.is_dir(), reason=f"test material: {MATERIAL} is not there"
)


def listing(folder: Path, text: str) -> Path:
    path = folder / "listing.csv"
    path.write_text(text)
    return path


@needs_material
def test_youcook_rows_have_an_interval_and_an_id_of_their_own() -> None:
    layout, rows = read_listing(MATERIAL / "validation_youcook.csv")
    assert layout == "youcook2"
    assert len(rows) == 3350
    # One part of one video is described twice.
    assert len({row.id for row in rows}) == 3349
    assert rows[0] == Row(
        "xHr8X2Wpmno/47-60",
        "validation/226/xHr8X2Wpmno",
        "pick the ends off the verdalago",
        (47.0, 60.0),
    )


@needs_material
def test_msrvtt_rows_are_whole_videos() -> None:
    layout, rows = read_listing(MATERIAL / "msrvtt_test.csv")
    assert layout == "msrvtt"
    assert len({row.id for row in rows}) == len(rows) == 1000
    assert rows[0].interval is None
    assert rows[0].text == "a person is connecting something to system"


@needs_material
def test_hmdb_rows_have_a_class_and_three_splits() -> None:
    layout, rows = read_listing(MATERIAL / "hmdb51.csv")
    assert layout == "hmdb51"
    assert len(rows) == 6766
    assert len({row.text for row in rows}) == 51
    assert rows[0].video == "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi"
    assert rows[0].splits == (1, 1, 2)
    for split in range(3):
        assert sum(row.splits[split] == 1 for row in rows) == 51 * 70
        assert sum(row.splits[split] == 2 for row in rows) == 51 * 30


def test_crosstask_s_list_has_no_heading(tmp_path: Path) -> None:
    path = listing(tmp_path, "113766,a_b,https://example.org/a\n\n71781,c,https://example.org/c\n")
    layout, rows = read_listing(path)
    assert layout == "crosstask"
    assert rows == [Row("a_b", "a_b", "113766"), Row("c", "c", "71781")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "columns of a published listing"),
        ("", "got none"),
        ("video_id,label,split1\n", "must hold rows"),
        ("video_id,label,split1\nv,run_test,3\n", r"listing.csv:2: split1 must be 0, 1 or 2"),
        ("video_id,label,split1\nv,run_test\n", r"listing.csv:2: a row must have 3 cells, got 2"),
        ("end,start,task,text,video_id\n5,7,1,cut,v\n", "end must be above start"),
        ("end,start,task,text,video_id\nx,7,1,cut,v\n", "end must be a number of seconds"),
        ("key,vid_key,video_id,sentence\na,b,,c\n", "video_id must not be empty"),
    ],
)
def test_a_listing_that_cannot_be_used_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_listing(listing(tmp_path, text))


def test_a_listing_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none.csv"):
        read_listing(tmp_path / "none.csv")
