from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards.accounting import Books
from shards.commit import BundleRecord
from shards.write import PartRecord

COUNTS = st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda pair: sum(pair) > 0)


def record(bundle: str, videos: dict[str, tuple[int, int]]) -> BundleRecord:
    """A bundle whose videos have (written, rejected) clips."""
    rows = [
        {"video_id": video, "split": "train"}
        for video, (written, _) in videos.items()
        for _ in range(written)
    ]
    rejects = [
        {"video_id": video, "code": "E_SHORT", "clips": rejected}
        for video, (_, rejected) in videos.items()
        if rejected
    ]
    planned = {video: sum(counts) for video, counts in videos.items()}
    return BundleRecord(bundle, "f", planned, [PartRecord("p", "s", 10, len(rows), rows)], rejects)


def close_books(records, plan_rejects=()):
    books = Books()
    for one in records:
        rows = [row for part in one.parts for row in part.rows]
        written, splits = (Counter(row[name] for row in rows) for name in ("video_id", "split"))
        books.enter(one, written, splits)
    books.enter_plan_rejects(plan_rejects)
    return books.close()


@given(st.dictionaries(st.text(max_size=4), COUNTS, max_size=6))
def test_books_close_when_each_clip_is_written_or_rejected(videos):
    totals = close_books([record("000000", videos)])
    assert totals["planned"] == totals["written"] + totals["rejected"]
    assert totals["sources"] == len(videos) == totals["videos_written"] + totals["videos_rejected"]


def test_totals_count_sources_and_not_what_is_none():
    records = [record("000000", {"a": (3, 0), "b": (0, 2)}), record("000001", {"c": (1, 4)})]
    plan_rejects = [
        {"video_id": "lonely", "code": "E_CAPNOVIDEO", "clips": 0},
        {"video_id": "gone", "code": "E_REMOVED", "clips": 0},
        {"video_id": "bad", "code": "E_EMPTY", "clips": 0},
    ]
    assert close_books(records, plan_rejects) == {
        "sources": 4,
        "planned": 10,
        "written": 4,
        "rejected": 6,
        "videos_written": 2,
        "videos_rejected": 2,
        "rejects": 5,
        "codes": {"E_CAPNOVIDEO": 1, "E_EMPTY": 1, "E_REMOVED": 1, "E_SHORT": 2},
        "splits": {"train": 4, "val": 0, "test": 0},
        "bundles": 2,
        "shards": 2,
        "bytes": 20,
    }


def test_a_lost_clip_is_named_even_where_the_totals_agree():
    short, long = record("000000", {"a": (2, 0)}), record("000001", {"b": (2, 0)})
    short.planned["a"] += 1
    long.planned["b"] -= 1
    with pytest.raises(ValueError, match=r"'a': 3 != 2 \+ 0; 'b': 1 != 2 \+ 0 \(2 videos\)"):
        close_books([short, long])


def test_a_video_without_clips_or_reject_is_named():
    silent = BundleRecord("000000", "f", {"ghost": 0})
    with pytest.raises(ValueError, match="'ghost'"):
        close_books([silent])
