"""What the preset `cluster` must say, so that a manifest need not."""

from typing import Any

import pytest

from pipeline.settings.load import resolve

GIVEN = {
    "shards": ["--sources.path", "s3://bucket/videos", "--shards.out", "s3://bucket/shards"],
    "train": ["--data.shards", "s3://bucket/shards"],
    "evaluate": [],
}


@pytest.mark.parametrize("verb", GIVEN)
def test_the_work_is_done_on_the_cluster_of_this_machine_and_never_on_an_open_one(
    verb: str,
) -> None:
    job: Any = resolve(verb, ["--preset", "cluster", *GIVEN[verb]], "weakvid").job
    assert job.ray.address == "auto"
    assert not job.ray.insecure_local


def test_a_run_waits_for_machines_that_have_to_be_found_first() -> None:
    for preset in ("cluster", "paper"):
        words = ["--preset", preset, *GIVEN["train"]]
        job: Any = resolve("train", words, "weakvid").job
        assert job.faults.wait_for_workers_s >= 1800
