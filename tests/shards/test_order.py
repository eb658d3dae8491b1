import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shards.order import EpochOrder

SIZES = st.tuples(st.integers(1, 60), st.integers(1, 60)).map(lambda pair: sorted(pair)[::-1])
SEEDS = st.integers(0, 2**32)


@given(SIZES, SEEDS, st.integers(0, 5), st.integers(1, 9), st.integers(1, 4))
def test_an_epoch_takes_every_sample_at_most_once(sizes, seed, epoch, num_shards, per_block):
    num_samples, global_batch = sizes
    shards = np.arange(num_samples) % num_shards
    order = EpochOrder(num_samples, global_batch, seed, shards=shards, shards_per_block=per_block)
    steps = range(epoch * order.steps_per_epoch, (epoch + 1) * order.steps_per_epoch)
    batches = [order.batch(step) for step in steps]
    assert {found for found, _ in batches} == {epoch}
    rows = np.concatenate([rows for _, rows in batches])
    assert len(rows) == num_samples - num_samples % global_batch
    assert len(np.unique(rows)) == len(rows)
    assert 0 <= rows.min() <= rows.max() < num_samples


def test_a_whole_epoch_takes_every_sample_exactly_once():
    order = EpochOrder(60, 6, seed=3, shards=np.repeat(np.arange(12), 5), shards_per_block=2)
    rows = np.concatenate([order.batch(step)[1] for step in range(10, 20)])
    assert sorted(rows) == list(range(60))


@given(SIZES, SEEDS, st.lists(st.integers(0, 200), min_size=1, max_size=10))
def test_a_step_is_the_same_whatever_was_asked_before(sizes, seed, steps):
    wandering = EpochOrder(*sizes, seed)
    for step in steps:
        epoch, rows = wandering.batch(step)
        fresh_epoch, fresh_rows = EpochOrder(*sizes, seed).batch(step)
        assert epoch == fresh_epoch
        assert np.array_equal(rows, fresh_rows)


def test_the_order_is_pinned():
    # A change of these numbers changes every resumed run: bump the code version with it.
    rows = EpochOrder(8, 8, seed=0, shards=list("aabbccdd"), shards_per_block=2).batch(1)[1]
    assert rows.tolist() == [7, 4, 5, 6, 0, 1, 2, 3]


def test_the_order_does_not_depend_on_the_hash_seed():
    code = (
        "from shards.order import EpochOrder\n"
        "print(EpochOrder(40, 40, 7, shards=['s%d' % (i // 4) for i in range(40)]).batch(2)[1])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_seed_and_epoch_change_the_order():
    first = EpochOrder(500, 500, seed=0)
    assert not np.array_equal(first.batch(0)[1], first.batch(1)[1])
    assert not np.array_equal(first.batch(0)[1], EpochOrder(500, 500, seed=1).batch(0)[1])


def test_the_remainder_is_another_one_each_epoch():
    order = EpochOrder(10, 4, seed=0)
    left_out = [
        set(range(10)) - set(order.batch(2 * epoch)[1]) - set(order.batch(2 * epoch + 1)[1])
        for epoch in range(20)
    ]
    assert {len(rows) for rows in left_out} == {2}
    assert set.union(*left_out) == set(range(10))


def test_a_reader_is_busy_with_a_few_shards_at_a_time():
    shard_of_row = np.repeat(np.arange(40), 50)
    order = EpochOrder(2000, 50, seed=1, shards=shard_of_row, shards_per_block=4)
    for start in range(0, 40, 4):
        rows = np.concatenate([order.batch(step)[1] for step in range(start, start + 4)])
        assert len(set(shard_of_row[rows])) == 4
    spread = [len(set(shard_of_row[order.batch(step)[1]])) for step in range(40)]
    assert min(spread) == 4, "samples within a block must be mixed"


def test_neighbours_in_a_shard_do_not_stay_neighbours():
    rows = EpochOrder(4000, 4000, seed=0, shards=np.repeat(np.arange(4), 1000)).batch(0)[1]
    assert (np.abs(np.diff(rows)) == 1).mean() < 1.5 * 2 / 4000 + 0.002


def test_a_split_smaller_than_a_batch_is_refused_with_both_numbers():
    with pytest.raises(ValueError, match=r"got 31 samples for training\.global_batch 32"):
        EpochOrder(31, 32, seed=0)


def test_every_sample_needs_a_shard():
    with pytest.raises(ValueError, match="one shard a sample"):
        EpochOrder(4, 2, 0, shards=["a", "b"])


def test_steps_count_from_zero():
    with pytest.raises(ValueError, match="from 0"):
        EpochOrder(4, 2, 0).batch(-1)


def test_positions_are_those_of_the_epoch():
    order = EpochOrder(10, 3, seed=0)
    assert [order.position(step) for step in range(5)] == [0, 3, 6, 0, 3]
    start = order.position(4)
    epoch_rows = np.concatenate([order.batch(step)[1] for step in range(3, 6)])
    assert np.array_equal(order.batch(4)[1], epoch_rows[start : start + 3])


def test_changing_a_batch_does_not_change_the_order():
    order = EpochOrder(10, 3, seed=0)
    order.batch(0)[1][:] = 0
    assert np.array_equal(order.batch(0)[1], EpochOrder(10, 3, seed=0).batch(0)[1])


def test_a_seek_draws_the_blocks_of_its_batch_only():
    order = EpochOrder(40_000, 100, seed=0, shards=np.repeat(np.arange(400), 100))
    order.batch(399)
    assert sum(rows.nbytes for rows in order._kept.values()) == order._kept_bytes == 800 * 8


def test_drawn_blocks_are_dropped_before_they_fill_the_memory(monkeypatch):
    monkeypatch.setattr("shards.order.KEPT_BYTES", 5000)
    shards = np.repeat(np.arange(40), 50)
    order = EpochOrder(2000, 50, seed=1, shards=shards)
    rows = np.concatenate([order.batch(step)[1] for step in range(40)])
    assert sorted(rows) == list(range(2000))
    assert sum(rows.nbytes for rows in order._kept.values()) == order._kept_bytes <= 5000


def test_shards_need_not_lie_in_one_piece():
    names = np.arange(60) % 5
    order = EpochOrder(60, 12, seed=2, shards=names, shards_per_block=1)
    for step in range(5):
        assert len(set(names[order.batch(step)[1]])) == 1


@given(
    st.lists(st.integers(1, 7), min_size=12, max_size=60),
    st.integers(2, 6),
    SEEDS,
    st.integers(1, 3),
    st.integers(0, 2),
)
def test_clips_of_a_video_can_be_kept_out_of_each_others_batch(
    counts, size, seed, per_block, epoch
):
    videos = np.repeat(np.arange(len(counts)) * 7919, counts)
    shards = np.repeat(np.arange(len(counts)) // 4, counts)
    steps = len(videos) // size
    options = {"shards": shards, "shards_per_block": per_block, "videos": videos}
    if max(counts) > steps:
        with pytest.raises(ValueError, match=f"got {steps} batches and a video of {max(counts)}"):
            EpochOrder(len(videos), size, seed, **options)
        return
    order = EpochOrder(len(videos), size, seed, **options)
    rows = [order.batch(epoch * steps + step)[1] for step in range(steps)]
    assert all(len(set(videos[batch])) == size for batch in rows)
    assert len(np.unique(np.concatenate(rows))) == steps * size
    again = EpochOrder(len(videos), size, seed, **options)
    assert np.array_equal(again.batch((epoch + 1) * steps - 1)[1], rows[-1])


def test_clips_that_are_kept_apart_stay_near_their_block():
    shards = np.repeat(np.arange(60), 24)
    videos = np.repeat(np.arange(60 * 6), 4)
    options = {"shards": shards, "shards_per_block": 4, "videos": videos}
    order = EpochOrder(len(shards), 24, seed=3, **options)
    assert max(len(set(shards[order.batch(step)[1]])) for step in range(60)) <= 8
    assert not np.array_equal(order.batch(0)[1], order.batch(60)[1])
