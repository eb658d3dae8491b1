import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from shards.order import EpochOrder
from trainers.data.corpus import Corpus
from trainers.data.mixture import Mixture, train_order
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.worker import train_worker


def mixture(counts, quotas, seed=0):
    starts = np.concatenate([[0], np.cumsum(counts)])
    sizes = zip(counts, quotas, strict=True)
    orders = [EpochOrder(n, quota, seed + i) for i, (n, quota) in enumerate(sizes)]
    return Mixture(orders, [np.arange(a, b) for a, b in itertools.pairwise(starts)])


@pytest.fixture
def make_mixed(make_job, make_shards):
    """A job over two folders: 27 training clips, and 8."""
    other = str(make_shards(num_train=4, num_val=2, clips=2, seed=7))

    def make(**data):
        job = make_job()
        return job.model_copy(
            update={"data": job.data.model_copy(update={"mix": (other,), **data})}
        )

    return make


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 40)), min_size=1, max_size=4),
    st.integers(0, 300),
)
def test_every_batch_has_its_quota_of_each_folder_and_no_sample_twice(sizes, step):
    quotas = [quota for quota, _ in sizes]
    counts = [quota + more for quota, more in sizes]
    order = mixture(counts, quotas)
    draw = order.draw(step)
    assert Counter(draw.folders_G.tolist()) == dict(enumerate(quotas))
    assert len(set(draw.rows_G.tolist())) == sum(quotas)
    starts = np.concatenate([[0], np.cumsum(counts)])
    assert np.array_equal(np.searchsorted(starts, draw.rows_G, "right") - 1, draw.folders_G)
    again = mixture(counts, quotas).draw(step)
    assert np.array_equal(draw.rows_G, again.rows_G) and draw.epochs_M == again.epochs_M


def test_each_folder_goes_through_its_own_epochs_once_each():
    order = mixture([12, 30], [4, 2])
    rows = [order.draw(step).rows_G for step in range(15)]
    assert [order.draw(step).epochs_M for step in (0, 2, 3, 14)] == [(0, 0), (0, 0), (1, 0), (4, 0)]
    small = [row for batch in rows for row in batch.tolist() if row < 12]
    large = [row for batch in rows for row in batch.tolist() if row >= 12]
    assert set(Counter(small).values()) == {5}
    assert set(Counter(large).values()) == {1} and len(large) == 30


def test_every_virtual_rank_has_its_part_of_each_folder():
    draw = mixture([100, 100, 100], [16, 8, 8]).draw(3)
    for rank in range(4):
        assert Counter(draw.folders_G[8 * rank : 8 * rank + 8].tolist()) == {0: 4, 1: 2, 2: 2}


def test_augmentation_differs_between_places_epochs_and_folders():
    order = mixture([6, 6], [3, 3])
    seeds = {order.draw(step).seed(0, place) for step in range(8) for place in range(6)}
    assert len(seeds) == 48
    assert order.draw(1).seed(0, 2) != order.draw(1).seed(1, 2)


def test_without_weights_a_folder_has_the_share_of_its_clips(make_mixed):
    job = make_mixed()
    order = train_order(job, Corpus.load(job.data))
    assert order.quotas == (5, 1) and order.num_samples == 35 and order.steps_per_epoch == 5


@pytest.mark.parametrize(
    ("weights", "quotas"), [((1.0, 1.0), (3, 3)), ((1.0, 2.0), (2, 4)), ((0.5, 0.1), (5, 1))]
)
def test_weights_decide_the_shares(make_mixed, weights, quotas):
    job = make_mixed(weights=weights)
    assert train_order(job, Corpus.load(job.data)).quotas == quotas


def test_a_share_of_less_than_a_clip_is_refused(make_mixed):
    job = make_mixed(weights=(100.0, 1.0))
    with pytest.raises(ValueError, match=r"batch of 6, got \[6, 0\] by the weights"):
        train_order(job, Corpus.load(job.data))


def test_a_folder_is_drawn_from_its_train_split_only(make_mixed):
    job = make_mixed(weights=(1.0, 2.0))
    corpus = Corpus.load(job.data)
    order = train_order(job, corpus)
    rows = np.concatenate([order.draw(step).rows_G for step in range(26)])
    assert set(rows.tolist()) <= set(corpus.rows_of_split("train").tolist())
    assert set(corpus.rows_of(1, "train").tolist()) <= set(rows.tolist())


def test_one_clip_of_a_video_in_a_batch(make_job, make_mixed, make_shards):
    job = make_job()
    apart = job.model_copy(
        update={"data": job.data.model_copy(update={"one_clip_per_video": True})}
    )
    corpus = Corpus.load(apart.data)
    videos, order = corpus.video_of_row(), train_order(apart, corpus)
    plain = train_order(job, corpus)
    together = [len(set(videos[plain.draw(step).rows_G])) for step in range(12)]
    assert min(together) < 6
    assert {len(set(videos[order.draw(step).rows_G])) for step in range(12)} == {6}


def test_a_video_in_two_folders_cannot_be_kept_apart(make_mixed):
    # Both folders have videos train-0 to train-3.
    job = make_mixed(one_clip_per_video=True, weights=(1.0, 1.0))
    with pytest.raises(ValueError, match="got 4 videos that stand in several"):
        train_order(job, Corpus.load(job.data))


def test_a_mixed_run_goes_on_where_its_folders_moved_but_not_with_other_weights(
    make_mixed, tmp_path
):
    job = make_mixed(weights=(2.0, 1.0))
    preparation = prepare(job)
    assert train_worker(begin_attempt(preparation, 1), 0, 1, torch.device("cpu")) == "finished"
    moved = tmp_path / "moved"
    Path(job.data.mix[0]).rename(moved)

    def changed(**data):
        return job.model_copy(
            update={"data": job.data.model_copy(update={"mix": (str(moved),), **data})}
        )

    assert prepare(changed()).manifest_sha256 == preparation.manifest_sha256
    with pytest.raises(ValueError, match=r"data\.weights"):
        prepare(changed(weights=(1.0, 1.0)))
    with pytest.raises(ValueError, match="with other samples"):
        prepare(changed(shards=str(moved), mix=(job.data.shards,)))


@pytest.mark.parametrize("shards_per_block", [1, 3])
def test_a_batch_is_read_from_the_shards_of_a_block(make_job, shards_per_block):
    job = make_job(global_batch=3)
    data = job.data.model_copy(update={"shards_per_block": shards_per_block})
    corpus = Corpus.load(data)
    order = train_order(job.model_copy(update={"data": data}), corpus)
    shard_of_row = corpus.shard_of_row()
    touched = [len(set(shard_of_row[order.draw(step).rows_G])) for step in range(90)]
    # A batch may lie across the border of two blocks.
    assert max(touched) <= 2 * shards_per_block
    assert np.mean(touched) < 2 if shards_per_block == 1 else np.mean(touched) > 1.5
