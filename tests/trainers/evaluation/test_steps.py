"""Steps are put on seconds so that their scores add up to the most."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from trainers.evaluation.steps import assign_in_any_order, assign_in_order, log_softmax


def total(scores_TK: np.ndarray, second_K) -> float:
    return sum(scores_TK[second, step] for step, second in enumerate(second_K))


@pytest.mark.parametrize("seed", range(5))
def test_in_order_is_the_best_of_all_rising_choices(seed: int) -> None:
    scores_TK = np.random.default_rng(seed).normal(size=(9, 4))
    best = max(itertools.combinations(range(9), 4), key=lambda chosen: total(scores_TK, chosen))
    assert assign_in_order(scores_TK).tolist() == list(best)


def test_in_order_puts_steps_as_the_public_program_does() -> None:
    """CrossTask's dp: background between steps, each step on exactly one frame, in their order."""
    rng = np.random.default_rng(7)
    for _ in range(20):
        scores_TK = rng.normal(size=(12, 5))
        expected = published(scores_TK)
        assert assign_in_order(scores_TK).tolist() == expected


def published(scores_TK: np.ndarray) -> list[int]:
    """Best path through background, step 1, background, step 2 ... by explicit states."""
    num_seconds, num_steps = scores_TK.shape
    states = 2 * num_steps + 1
    best = {0: (0.0, ())}
    for second in range(num_seconds):
        after: dict[int, tuple[float, tuple[int, ...]]] = {}
        for state, (value, path) in best.items():
            ahead = [state + 1, state + 2] if state % 2 else [state, state + 1]
            for new in ahead:
                if new >= states:
                    continue
                is_step = new % 2 == 1
                gain = scores_TK[second, new // 2] if is_step else 0.0
                found = value + gain, (*path, second) if is_step else path
                if new not in after or found[0] > after[new][0]:
                    after[new] = found
        best = after
    ends = [best[state] for state in (states - 1, states - 2) if state in best]
    return list(max(ends)[1])


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (40, 9)])
def test_in_any_order_is_the_best_assignment(shape: tuple[int, int]) -> None:
    for seed in range(5):
        scores_TK = np.random.default_rng(seed).normal(size=shape)
        found = assign_in_any_order(scores_TK)
        assert len(set(found.tolist())) == shape[1]
        rows, columns = linear_sum_assignment(scores_TK, maximize=True)
        assert total(scores_TK, found) == pytest.approx(scores_TK[rows, columns].sum())


def test_of_equal_scores_the_earliest_seconds_are_taken() -> None:
    assert sorted(assign_in_any_order(np.zeros((5, 3)))) == [0, 1, 2]
    assert assign_in_order(np.zeros((5, 1))).tolist() == [0]


def test_steps_that_are_shown_in_another_order_are_found_in_any_order_only() -> None:
    scores_TK = np.full((4, 2), -9.0)
    scores_TK[3, 0] = scores_TK[0, 1] = 0.0
    assert assign_in_any_order(scores_TK).tolist() == [3, 0]
    assert assign_in_order(scores_TK).tolist() != [3, 0]


@pytest.mark.parametrize("assign", [assign_in_order, assign_in_any_order])
def test_fewer_seconds_than_steps_are_refused(assign) -> None:
    with pytest.raises(ValueError, match="a second for each step, got 2 for 3"):
        assign(np.zeros((2, 3)))


def test_a_second_s_softmax_adds_up_to_one_whatever_its_size() -> None:
    scores_TK = np.array([[1e4, -1e4, 0.0], [0.0, 1.0, 2.0]], dtype=np.float32)
    assert np.exp(log_softmax(scores_TK)).sum(axis=1) == pytest.approx([1.0, 1.0])
