"""Sources in a bucket, against a real S3 server on loopback."""

import pytest

from configs.sources import SourcesConfig
from pipeline.listing import versions as module
from pipeline.listing.build import list_sources
from pipeline.listing.versions import LEAST_TO_LIST
from shards import storage


@pytest.fixture
def filled(bucket: str) -> str:
    for name in ("v/a.mp4", "v/deep/b.mp4", "v/a.de.vtt", "v/note.txt"):
        storage.write_atomic(f"{bucket}/{name}", name.encode())
    return bucket


def test_a_folder_of_a_bucket_is_listed_with_those_below_it(filled):
    first, second = list_sources(SourcesConfig(path=f"{filled}/v/")).sources
    assert (first.video_id, first.video, first.bytes) == ("a", f"{filled}/v/a.mp4", 7)
    assert (first.captions, first.language) == (f"{filled}/v/a.de.vtt", "de")
    assert (first.bytes, first.stamp) == storage.version_of(first.video)
    assert (second.video_id, second.captions) == ("deep/b", "")


@pytest.mark.parametrize("count", [2, LEAST_TO_LIST])
def test_many_files_of_a_folder_cost_one_listing_instead_of_a_request_each(
    filled, monkeypatch, count
):
    asked = []
    one_by_one = module.storage.version_of
    monkeypatch.setattr(
        module.storage, "version_of", lambda path: asked.append(path) or one_by_one(path)
    )
    names = ["a.mp4", *(f"gone{n}.mp4" for n in range(count - 1))]
    rows = "".join(f"{filled}/v/{name}\n" for name in names)
    storage.write_atomic(f"{filled}/list.csv", b"video\n" + rows.encode())
    asked.clear()
    listing = list_sources(SourcesConfig(path=f"{filled}/list.csv"))
    assert [source.video_id for source in listing.sources] == ["v/a"]
    assert {row["code"] for row in listing.rejects} == {"E_FETCH"}
    assert len(listing.rejects) == count - 1
    assert sum(path.endswith(".mp4") for path in asked) == (2 if count == 2 else 0)
