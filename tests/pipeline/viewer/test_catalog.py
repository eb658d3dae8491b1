import time

import numpy as np
import pyarrow as pa
import pytest

from pipeline.viewer.catalog import Catalog
from pipeline.viewer.query import PAGE_SIZE, Query
from shards.columns import COLUMNS
from shards.manifest import SAMPLES, Manifest

NUM_MANY = 1_000_000


@pytest.fixture(scope="module")
def catalog(little_shards) -> Catalog:
    return Catalog(Manifest.load(little_shards))


@pytest.fixture(scope="module")
def many() -> Catalog:
    """A million samples of a hundred thousand videos."""
    numbers = np.arange(NUM_MANY)
    said = pa.array([f"stir the {word} now" for word in ("soup", "Rice", "tea", "dough")])
    videos = pa.array([f"video-{number:06d}" for number in range(NUM_MANY // 10)])
    columns = {
        "key": pa.array(np.char.mod("%016x_000000000", numbers)),
        "video_id": videos.take(pa.array(numbers // 10)),
        "split": pa.array(["train", "test"]).take(pa.array(numbers % 2)),
        "lang": pa.array(["en"]).take(pa.array(np.zeros(NUM_MANY, np.int64))),
        "shard": pa.array(["000000-00.tar"]).take(pa.array(np.zeros(NUM_MANY, np.int64))),
        "offset": pa.array(numbers),
        "length": pa.array(numbers),
        "t0_ms": pa.array(numbers % 10),
        "t1_ms": pa.array(numbers % 10 + 3200),
        "num_windows": pa.array(np.full(NUM_MANY, 9, np.int32)),
        "caption": said.take(pa.array(numbers % 4)),
        "flags": pa.array(["[]", '["W_VFR"]']).take(pa.array((numbers % 1000 == 0).astype(int))),
        "source_sha256": pa.array(["a"]).take(pa.array(np.zeros(NUM_MANY, np.int64))),
    }
    table = pa.table(columns, schema=COLUMNS)
    return Catalog(Manifest("nowhere", [], [], {}, "sha", 1, {SAMPLES: table}))


def test_all_words_must_be_found_in_either_case(catalog):
    assert catalog.clips(Query(words="EGGS crack")).total == 3
    assert catalog.clips(Query(words="eggs nothing")).total == 0
    assert catalog.clips(Query(words="cooking/")).total == 3
    assert catalog.clips(Query()).total == 12


def test_filters_narrow_what_is_found(catalog):
    assert catalog.clips(Query(flag="W_VFR")).total == 12
    assert catalog.clips(Query(flag="W_ROT")).total == 0
    assert catalog.clips(Query(lang="en")).total == 12
    assert sum(catalog.clips(Query(split=name)).total for name in ("train", "val", "test")) == 12


def test_order_of_time_goes_through_a_video_from_its_start(catalog):
    rows = catalog.clips(Query(order="time", words="nothing")).rows
    assert [row["t0_ms"] for row in rows] == sorted(row["t0_ms"] for row in rows)
    assert len(rows) == 6


def test_a_page_past_the_end_is_the_last_one(catalog):
    found = catalog.clips(Query(page=50))
    assert (found.page, found.num_pages, len(found.rows)) == (1, 1, 12)


def test_videos_and_rejects_are_found(catalog):
    assert catalog.find_videos(Query(words="torn")).total == 2
    assert catalog.find_videos(Query(flag="W_DUPBYTES")).total == 2
    assert catalog.video_flags == [("W_VFR", 5), ("W_DUPBYTES", 2)]
    assert catalog.find_rejects(Query(code="E_MOOV")).total == 2
    assert catalog.find_rejects(Query(words="nowhere")).rows[0]["code"] == "E_CAPNOVIDEO"
    assert catalog.codes == [("E_DUPFRAMES", 2), ("E_MOOV", 2), ("E_CAPNOVIDEO", 1)]
    assert catalog.flags == [("W_VFR", 12), ("W_DUPBYTES", 9)]


def test_a_video_knows_its_clips_and_what_it_lost(catalog):
    assert [row["t0_ms"] for row in catalog.clips_of("quiet")] == list(range(0, 24_000, 4000))
    assert [row["code"] for row in catalog.rejects_of("quiet")] == ["E_DUPFRAMES"]
    assert catalog.video("quiet")["fps"] == pytest.approx(29.97)
    assert catalog.video("nobody") is None
    assert catalog.lost(["quiet", "torn 000001", "nobody"]) == {"torn 000001": "E_MOOV"}


def test_a_million_samples_are_searched_and_paged_in_a_moment(many):
    began = time.perf_counter()
    found = many.clips(Query(words="rice", split="test", page=1000))
    assert found.total == NUM_MANY // 4 and len(found.rows) == PAGE_SIZE
    last = many.clips(Query(page=10**9))
    assert last.page == -(-NUM_MANY // PAGE_SIZE)
    assert last.rows[-1]["key"] == f"{NUM_MANY - 1:016x}_000000000"
    assert many.clips(Query(flag="W_VFR", order="time")).total == NUM_MANY // 1000
    assert many.sample_row(f"{777_777:016x}_000000000")["offset"] == 777_777
    assert len(many.clips_of("video-012345")) == 10
    assert time.perf_counter() - began < 20
