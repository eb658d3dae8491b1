import itertools

import numpy as np
import pytest
import torch

from shards.manifest import Manifest
from shards.state import begin_build
from trainers.data.loader import Loader, fixed_batches
from trainers.data.reader import (
    ClipReader,
    DamagedSample,
    split_rows,
    train_order,
    train_texts,
    video_number,
)
from trainers.data.tokenizer import Tokenizer, train_tokenizer


def make_reader(job, **data):
    manifest = Manifest.load(job.data.shards)
    tokenizer = Tokenizer(train_tokenizer(train_texts(manifest), 200))
    config = job.data.model_copy(update=data)
    return manifest, ClipReader(config, manifest, tokenizer, 3, 8)


def load(job, ranks, steps, num_threads=2, read_ahead=2, **data):
    manifest, reader = make_reader(job, **data)
    rows = split_rows(manifest, "train")
    loader = Loader(reader, train_order(job, manifest), rows, 0, num_threads, read_ahead)
    places = itertools.product(steps, ranks)
    batches = list(loader.batches(iter(places), job.training.virtual_ranks))
    loader.close()
    return batches


def equal(one, other):
    return all(
        torch.equal(getattr(one, name), getattr(other, name))
        for name in ("frames_BTHWC", "tokens_BKL", "mask_BK", "video_ids_B", "rows_B")
    )


def test_threads_read_ahead_cache_and_start_make_no_difference(make_job):
    job = make_job()
    plain = load(job, range(3), range(9), num_threads=1, read_ahead=1)
    busy = load(job, range(3), range(9), num_threads=4, read_ahead=7, cache_gib=0.1)
    assert all(map(equal, plain, busy))
    assert all(map(equal, plain[15:], load(job, range(3), range(5, 9))))


def test_a_worker_gets_the_same_batches_whatever_the_others_do(make_job):
    job = make_job()
    whole = load(job, range(3), range(2))
    assert all(map(equal, [whole[1], whole[2], whole[4], whole[5]], load(job, [1, 2], range(2))))


def test_an_epoch_has_each_clip_of_the_train_split_at_most_once(make_job):
    job = make_job()
    rows = torch.cat([batch.rows_B for batch in load(job, range(3), range(4))]).tolist()
    manifest = Manifest.load(job.data.shards)
    assert len(rows) == len(set(rows)) == 24
    assert set(rows) <= set(split_rows(manifest, "train").tolist())


def test_the_same_clip_is_cut_differently_in_another_epoch(make_job):
    batches = load(make_job(), range(3), range(8))
    seen = {}
    for batch in batches:
        for row, frames in zip(batch.rows_B.tolist(), batch.frames_BTHWC, strict=True):
            seen.setdefault(row, []).append(frames)
    twice = [frames for frames in seen.values() if len(frames) == 2]
    assert len(twice) > 10
    assert sum(torch.equal(*frames) for frames in twice) < len(twice) / 2


def test_a_batch_masks_the_windows_that_a_bag_lacks(make_job):
    job = make_job()
    manifest = Manifest.load(job.data.shards)
    for batch in load(job, range(3), range(2)):
        assert batch.frames_BTHWC.shape == (2, 8, 24, 24, 3)
        assert batch.frames_BTHWC.dtype == torch.uint8
        assert batch.tokens_BKL.shape == (2, 3, 8)
        for place, row in enumerate(batch.rows_B.tolist()):
            sample = manifest.samples.slice(row, 1).to_pylist()[0]
            assert batch.mask_BK[place].sum() == min(3, sample["num_windows"])
            assert batch.video_ids_B[place] == video_number(sample["video_id"])


def test_the_cache_never_exceeds_its_limit(make_job):
    job = make_job()
    clip_gib = 32 * 28 * 49 * 3 / 2**30
    manifest, reader = make_reader(job, cache_gib=3.5 * clip_gib)
    for row in split_rows(manifest, "train"):
        reader.example(int(row), None)
    assert len(reader._cache) == 3


def test_a_damaged_sample_is_named(make_job, make_shards):
    shards = make_shards()
    job = make_job(shards=shards)
    row = int(load(job, [0], [0])[0].rows_B[0])
    manifest, reader = make_reader(job)
    sample = manifest.samples.slice(row, 1).to_pylist()[0]
    with (shards / sample["shard"]).open("rb+") as file:
        file.seek(sample["offset"] + 600)
        file.write(b"\xff" * 3000)
    with pytest.raises(DamagedSample) as caught:
        reader.example(row, None)
    assert sample["key"] in str(caught.value)
    assert sample["shard"] in str(caught.value)
    with pytest.raises(DamagedSample):
        load(job, [0], [0])
    begin_build(str(shards), replaces=True)
    with pytest.raises(DamagedSample, match="a build is under way that replaces shards"):
        reader.example(row, None)


def test_fixed_batches_follow_the_rows_that_are_given(make_job):
    manifest, reader = make_reader(make_job())
    rows = split_rows(manifest, "val")
    batches = list(fixed_batches(reader, [rows[:4], rows[4:5]], 2))
    assert [batch.rows_B.tolist() for batch in batches] == [rows[:4].tolist(), rows[4:5].tolist()]
    alone = reader.example(int(rows[2]), None)
    assert np.array_equal(batches[0].frames_BTHWC[2].numpy(), alone.frames_THWC)


def test_the_tokenizer_reads_each_window_of_a_video_once(make_job):
    manifest = Manifest.load(make_job().data.shards)
    texts = train_texts(manifest)
    table = manifest.split("train").select(["video_id", "caption"]).to_pylist()
    assert len(texts) == len({(row["video_id"], row["caption"]) for row in table})
