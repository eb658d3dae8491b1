import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from shards.state import begin_build
from trainers.data.corpus import Corpus, video_number
from trainers.data.damage import DamagedSample
from trainers.data.loader import Loader, fixed_batches
from trainers.data.mixture import train_order
from trainers.data.reader import ClipReader, train_texts
from trainers.data.tokenizer import Tokenizer, train_tokenizer
from trainers.loop import folder
from trainers.loop.metrics import read_metrics
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.worker import train_worker


def make_reader(job, **data):
    config = job.data.model_copy(update=data)
    corpus = Corpus.load(config)
    tokenizer = Tokenizer(train_tokenizer(train_texts(corpus), 200))
    return corpus, ClipReader(config, corpus, tokenizer, 3, 8)


def make_loader(job, **data):
    job = job.model_copy(update={"data": job.data.model_copy(update=data)})
    corpus, reader = make_reader(job)
    return Loader(reader, train_order(job, corpus), 0, job.data)


def load(job, ranks, steps, **data):
    loader = make_loader(job, **data)
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
    plain = load(job, range(3), range(9), threads=1, read_ahead=1)
    busy = load(job, range(3), range(9), threads=4, read_ahead=7, cache_gib=0.1, shards_ahead=0)
    assert all(map(equal, plain, busy))
    assert all(map(equal, plain[15:], load(job, range(3), range(5, 9))))


def test_a_worker_gets_the_same_batches_whatever_the_others_do(make_job):
    job = make_job()
    whole = load(job, range(3), range(2))
    assert all(map(equal, [whole[1], whole[2], whole[4], whole[5]], load(job, [1, 2], range(2))))


def test_an_epoch_has_each_clip_of_the_train_split_at_most_once(make_job):
    job = make_job()
    rows = torch.cat([batch.rows_B for batch in load(job, range(3), range(4))]).tolist()
    corpus = Corpus.load(job.data)
    assert len(rows) == len(set(rows)) == 24
    assert set(rows) <= set(corpus.rows_of_split("train").tolist())


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
    corpus = Corpus.load(job.data)
    for batch in load(job, range(3), range(2)):
        assert batch.frames_BTHWC.shape == (2, 8, 24, 24, 3)
        assert batch.frames_BTHWC.dtype == torch.uint8
        assert batch.tokens_BKL.shape == (2, 3, 8)
        assert not batch.replaced_B.any()
        for place, row in enumerate(batch.rows_B.tolist()):
            sample = corpus.row(row, ["num_windows", "video_id"])
            assert batch.mask_BK[place].sum() == min(3, sample["num_windows"])
            assert batch.video_ids_B[place] == video_number(sample["video_id"])


def test_the_cache_never_exceeds_its_limit(make_job):
    job = make_job()
    clip_gib = 32 * 28 * 49 * 3 / 2**30
    corpus, reader = make_reader(job, cache_gib=3.5 * clip_gib)
    for row in corpus.rows_of_split("train"):
        reader.example(int(row), None)
    assert len(reader._cache) == 3


def damage(shards, corpus, row):
    """Overwrite a part of the clip of a row."""
    sample = corpus.row(row, ["key", "shard", "offset"])
    with (shards / sample["shard"]).open("rb+") as file:
        file.seek(sample["offset"] + 600)
        file.write(b"\xff" * 3000)
    return sample


@pytest.fixture
def damaged(make_job, make_shards):
    """A job of which one clip, that the first step draws, is damaged; its row, and its sample."""
    shards = make_shards()
    job = make_job(shards=shards)
    row = int(load(job, [0], [0])[0].rows_B[0])
    return job, row, damage(shards, Corpus.load(job.data), row)


def test_a_damaged_sample_is_named(damaged):
    job, row, sample = damaged
    for checked in (True, False):
        _, reader = make_reader(job, check_shards=checked)
        with pytest.raises(DamagedSample) as caught:
            reader.example(row, None)
        assert sample["key"] in str(caught.value)
        assert sample["shard"] in str(caught.value)


def test_a_damaged_sample_is_replaced_the_same_way_by_any_workers_and_threads(damaged):
    job, row, _ = damaged
    options = {"check_shards": False, "max_damaged": 0.05}
    loader = make_loader(job, **options)
    batches = list(loader.batches(itertools.product(range(4), range(3)), 3))
    loader.close()
    assert [(one.step, one.row) for one in loader.replaced] == [(0, row)]
    rows = torch.cat([batch.rows_B for batch in batches])
    replaced = torch.cat([batch.replaced_B for batch in batches])
    assert row not in rows and replaced.sum() == 1
    assert rows[replaced].tolist() == [loader.replaced[0].replacement]
    assert set(rows.tolist()) <= set(Corpus.load(job.data).rows_of_split("train").tolist())
    for rank in range(3):
        alone = load(job, [rank], range(4), threads=4, read_ahead=5, **options)
        assert all(map(equal, alone, batches[rank::3]))


def test_more_damage_than_allowed_ends_the_training_and_says_so(damaged):
    job, *_ = damaged
    loader = make_loader(job, check_shards=False)
    [batch] = loader.batches(iter([(0, 0)]), 3)
    loader.end_step(0, 0)
    with pytest.raises(DamagedSample, match=r"at most 0 of the 27 .*data\.max_damaged 0\.001"):
        loader.end_step(0, int(batch.replaced_B.sum()))
    loader.close()


def test_a_sample_whose_stand_ins_are_all_damaged_ends_the_training(damaged, make_job):
    job, *_ = damaged
    for path in Path(job.data.shards).glob("*.tar"):
        path.write_bytes(b"\xff" * path.stat().st_size)
    with pytest.raises(DamagedSample, match="none of 8 samples in a row"):
        load(job, [0], [0], max_damaged=0.9)


def test_no_sample_of_a_shard_with_another_hash_is_read(damaged):
    job, _, sample = damaged
    loader = make_loader(job, max_damaged=0.9)
    batches = list(loader.batches(itertools.product(range(4), range(3)), 3))
    loader.close()
    corpus = Corpus.load(job.data)
    rows = torch.cat([batch.rows_B for batch in batches]).tolist()
    assert sample["shard"] not in {corpus.row(row, ["shard"])["shard"] for row in rows}
    assert all("must have SHA-256" in one.reason for one in loader.replaced)


def test_shards_that_are_being_replaced_are_no_damage(damaged):
    job, row, _ = damaged
    _, reader = make_reader(job)
    begin_build(job.data.shards, replaces=True)
    with pytest.raises(ValueError, match="a build is under way that replaces shards"):
        reader.example(row, None)


def test_a_stand_in_is_of_a_video_that_the_batch_has_not(damaged):
    job, *_ = damaged
    options = {"check_shards": False, "max_damaged": 0.05, "one_clip_per_video": True}
    job = job.model_copy(
        update={"training": job.training.model_copy(update={"global_batch": 6, "seed": 1})}
    )
    loader = make_loader(job, **options)
    places = itertools.product(range(16), range(3))
    videos = [batch.video_ids_B for batch in loader.batches(places, 3)]
    loader.close()
    assert loader.replaced
    for step in range(16):
        assert len(set(torch.cat(videos[3 * step : 3 * step + 3]).tolist())) == 6


def test_the_shards_of_later_steps_are_prepared_ahead(make_job, monkeypatch):
    asked = []
    monkeypatch.setattr(ClipReader, "prepare_shard", lambda self, number: asked.append(number))
    loader = make_loader(make_job(), shards_ahead=3)
    batches = loader.batches(iter([(0, 0)]), 3)
    first = next(batches)
    loader._shards.shutdown(wait=True)
    wanted = [loader._order.draw(step).rows_G[:2] for step in (1, 2, 3)]
    assert sorted(set(asked)) == loader._reader.shards_of(np.concatenate(wanted))
    assert len(first.rows_B) == 2
    loader.close()


def test_fixed_batches_follow_the_rows_that_are_given(make_job):
    corpus, reader = make_reader(make_job())
    rows = corpus.rows_of_split("val")
    batches = list(fixed_batches(reader, [rows[:4], rows[4:5]], rows, 2))
    assert [batch.rows_B.tolist() for batch in batches] == [rows[:4].tolist(), rows[4:5].tolist()]
    alone = reader.example(int(rows[2]), None)
    assert np.array_equal(batches[0].frames_BTHWC[2].numpy(), alone.frames_THWC)


def test_a_damaged_sample_of_a_fixed_batch_is_replaced_too(damaged):
    job, row, _ = damaged
    corpus, reader = make_reader(job, check_shards=False)
    spare = corpus.rows_of_split("val")
    [batch] = fixed_batches(reader, [np.array([row])], spare, 2)
    [again] = fixed_batches(reader, [np.array([row])], spare, 1)
    assert batch.replaced_B.tolist() == [True]
    assert batch.rows_B.tolist() == again.rows_B.tolist()
    assert batch.rows_B[0] in torch.from_numpy(spare)


def test_the_tokenizer_reads_each_window_of_a_video_once(make_job):
    corpus = Corpus.load(make_job().data)
    texts = train_texts(corpus)
    table = corpus.manifests[0].split("train").select(["video_id", "caption"]).to_pylist()
    assert len(texts) == len({(row["video_id"], row["caption"]) for row in table})


def test_replaced_samples_stand_in_the_log_and_too_many_end_the_run(damaged):
    job, row, _ = damaged

    def train(**data):
        changed = job.model_copy(update={"data": job.data.model_copy(update=data)})
        preparation = prepare(changed)
        train_worker(begin_attempt(preparation, 1), 0, 1, torch.device("cpu"))
        return read_metrics(preparation.run_dir / folder.METRICS)

    with pytest.raises(DamagedSample, match="got 1 up to step 1; the last one: sample"):
        train(check_shards=False)
    lines = train(check_shards=False, max_damaged=0.1)
    replaced = {line["step"]: line["train/replaced"] for line in lines if "train/replaced" in line}
    corpus = Corpus.load(job.data)
    order = train_order(job, corpus)
    assert replaced == {
        step + 1: 1.0 for step in range(6) if row in order.draw(step).rows_G.tolist()
    }


def test_a_resumed_run_goes_on_counting_within_the_epoch(damaged):
    job, *_ = damaged
    corpus = Corpus.load(job.data)
    damage(Path(job.data.shards), corpus, int(train_order(job, corpus).draw(1).rows_G[0]))
    data = job.data.model_copy(update={"check_shards": False, "max_damaged": 0.05})
    preparation = prepare(job.model_copy(update={"data": data}))
    assignment = begin_attempt(preparation, 1)
    (preparation.run_dir / folder.STOP).touch()
    assert train_worker(assignment, 0, 1, torch.device("cpu")) == "stopped"
    with pytest.raises(DamagedSample, match="at most 1 of the 27 .* got 2 up to step 2"):
        train_worker(begin_attempt(preparation, 1), 0, 1, torch.device("cpu"))
