import dataclasses
import math

import pytest

from configs.runs import ShardsJob
from pipeline.listing.build import list_sources
from pipeline.listing.source import SourceFile
from pipeline.tasks.bundle import build_bundle
from pipeline.tasks.estimate import estimate, estimate_text
from pipeline.tasks.plan import plan_bundles
from shards.commit import committed_bundles, read_record


def job(source="", out="", **clips) -> ShardsJob:
    return ShardsJob.model_validate(
        {
            "sources": {"path": str(source)},
            "clips": {"short_side": 32, **clips},
            "shards": {"out": str(out)},
        }
    )


def test_an_estimate_of_probed_sources_is_near_what_happens(narrated, tmp_path):
    settings = job(narrated, tmp_path)
    tasks = plan_bundles(settings, str(tmp_path), list_sources(settings.sources).sources)[1]
    told = estimate(settings, tasks)
    assert not list(tmp_path.iterdir())
    for task in tasks:
        build_bundle(task, lambda counts: None)
    records = [read_record(str(tmp_path), bundle) for bundle in committed_bundles(str(tmp_path))]
    videos = [row for record in records for row in record.videos]
    assert told.sources == told.probed == 4
    assert told.clips == sum(sum(record.planned.values()) for record in records) == 8
    assert told.hours * 3600 == pytest.approx(sum(v["duration_s"] or 0 for v in videos), rel=0.05)
    parts = [part for record in records for part in record.parts]
    assert len(parts) <= told.shards == len(tasks)
    size = sum(part.bytes for part in parts)
    # Drawn pictures and a hum compress better than what the rates were measured on.
    assert size < told.output_bytes < size * 6
    assert 0 < told.core_hours < 0.01


def remote(number: int, num_bytes: int) -> SourceFile:
    return SourceFile(f"v{number}", f"s3://b/v{number}.mp4", "", f"v{number}", num_bytes, "etag")


@pytest.mark.parametrize("num_bytes", [30_000_000, -1])
def test_sources_that_cannot_be_looked_into_are_taken_to_be_of_the_usual_kind(num_bytes):
    sources = [remote(number, num_bytes) for number in range(100)]
    told = estimate(job(short_side=256), plan_bundles(job(), "/nowhere", sources)[1])
    assert told.probed == 0 and told.sources == 100
    assert 8 < told.hours < 15 and 8000 < told.clips < 16000
    text = "\n".join(estimate_text(told, 2))
    assert "rates of docs/scaling.md" in text and "on 2 CPUs" in text


def test_more_bytes_mean_more_of_everything(narrated, tmp_path):
    settings = job(narrated, tmp_path)
    sources = list_sources(settings.sources).sources
    once = estimate(settings, plan_bundles(settings, str(tmp_path), sources)[1])
    more = [dataclasses.replace(s, video_id=f"{s.video_id}{n}") for s in sources for n in range(5)]
    often = estimate(settings, plan_bundles(settings, str(tmp_path), more)[1])
    assert often.sources == 20 and often.probed == 4
    assert often.source_bytes == 5 * once.source_bytes
    assert 2 < often.clips / once.clips < 10
    assert often.core_hours > 2 * once.core_hours


def test_encodings_and_quality_change_the_bytes():
    tasks = plan_bundles(job(), "/nowhere", [remote(1, 10**9)])[1]
    size = {
        name: estimate(job(short_side=256, **clips), tasks).output_bytes
        for name, clips in {
            "mp4": {},
            "small": {"crf": 28},
            "jpgs": {"encoding": "jpgs"},
            "npy": {"encoding": "npy"},
        }.items()
    }
    assert size["small"] < size["mp4"] < size["jpgs"] < size["npy"]


def test_tars_are_cut_at_their_caps():
    settings = ShardsJob.model_validate({"shards": {"max_shard_samples": 10}})
    tasks = plan_bundles(settings, "/nowhere", [remote(1, 30_000_000)])[1]
    told = estimate(settings, tasks)
    assert told.shards == math.ceil(told.clips / 10) > 1
