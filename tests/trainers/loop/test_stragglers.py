import numpy as np
import pytest

from trainers.loop.stragglers import StragglerWatch, others_median


def watch(workers, shares=None, steps=20):
    nodes = [f"node-{worker}" for worker in range(workers)]
    return StragglerWatch(nodes, shares or [1] * workers, ratio=1.5, steps=steps)


def named(watch, data, compute, steps):
    return [
        found
        for step in range(1, steps + 1)
        for found in watch.add(step, np.array(data), np.array(compute))
    ]


@pytest.mark.parametrize("workers", [2, 3, 4, 9])
def test_the_median_of_the_others_leaves_out_oneself(workers):
    values = np.random.default_rng(workers).permutation(np.arange(workers) // 2 * 1.5)
    expected = [np.median(np.delete(values, place)) for place in range(workers)]
    assert others_median(values) == pytest.approx(expected)


@pytest.mark.parametrize("workers", [2, 5])
def test_a_worker_slow_for_twenty_steps_is_named_once_with_node_and_phase(workers):
    compute = [1.0] * workers
    compute[1] = 2.0
    (found,) = named(watch(workers), [0.1] * workers, compute, 60)
    assert (found.worker, found.node, found.phase, found.step) == (1, "node-1", "step", 20)
    assert found.ratio == pytest.approx(2.1 / 1.1)
    assert "worker 1 on node-1 is slow: 1.9 times" in str(found)


def test_one_whose_clips_come_late_is_told_from_one_that_computes_slowly():
    (found,) = named(watch(3), [0.1, 0.1, 3.0], [1.0, 1.1, 1.2], 20)
    assert (found.worker, found.phase) == (2, "data")


def test_a_single_quick_step_ends_the_row():
    judge = watch(2)
    assert not named(judge, [0, 0], [1.0, 9.0], 19)
    assert not judge.add(20, np.array([0, 0]), np.array([1.0, 1.4]))
    assert not named(judge, [0, 0], [1.0, 9.0], 19)
    (found,) = judge.add(40, np.array([0, 0]), np.array([1.0, 1.6]))
    assert found.ratio == pytest.approx((19 * 9 + 1.6) / 20)


def test_a_worker_with_more_virtual_ranks_is_not_slow_for_it():
    assert not named(watch(3, [2, 1, 1]), [0.0] * 3, [2.0, 1.0, 1.0], 40)


def test_a_worker_alone_is_never_slow():
    assert not named(watch(1), [9.0], [9.0], 40)
