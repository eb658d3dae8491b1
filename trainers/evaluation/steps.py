"""Zero-shot localisation of steps by the protocol of CrossTask (Zhukov 2019).

A task is a list of steps. In each of its videos every step is put on one second, and it is right
where an annotation of that step covers the second; recall is counted over the annotated steps of
a task's videos and averaged over tasks. A second scores a step by the logarithm of the softmax of
its dot products over the task's steps, divided by the run's temperature.

Two ways of putting steps on seconds are counted, no second twice in either:

- in the order of the list, with the greatest sum: what the authors' program does;
- in any order, with the greatest sum: order-free, since people do not always keep to the list.

Shape letters in this file:
    T  seconds that have a clip        K  steps of a task
"""

import numpy as np


def log_softmax(scores_TK: np.ndarray) -> np.ndarray:
    """Return the logarithm of each second's softmax over the steps, in fp64."""
    scores_TK = scores_TK.astype(np.float64)
    shifted_TK = scores_TK - scores_TK.max(axis=1, keepdims=True)
    return shifted_TK - np.log(np.exp(shifted_TK).sum(axis=1, keepdims=True))


def assign_in_order(scores_TK: np.ndarray) -> np.ndarray:
    """Return for each step its second, rising, so that the sum of scores is the greatest.

    Dynamic programming: the best of the first k + 1 steps with step k on second t is its score
    and the best of the first k steps on seconds before t. Of equal sums the earliest second is
    taken, for the last step first.

    Raises:
        ValueError: If there are fewer seconds than steps.
    """
    num_seconds, num_steps = scores_TK.shape
    _refuse_too_few(num_seconds, num_steps)
    best_KT = np.full((num_steps, num_seconds), -np.inf)
    best_KT[0] = scores_TK[:, 0]
    for step in range(1, num_steps):
        before_T = np.maximum.accumulate(best_KT[step - 1])
        best_KT[step, 1:] = before_T[:-1] + scores_TK[1:, step]
    second_K = np.empty(num_steps, dtype=np.int64)
    end = num_seconds
    for step in reversed(range(num_steps)):
        second_K[step] = end = int(best_KT[step, :end].argmax())
    return second_K


def assign_in_any_order(scores_TK: np.ndarray) -> np.ndarray:
    """Return for each step its second, no two the same, so that the sum of scores is the greatest.

    Dynamic programming over what is left when the seconds that no step could want are gone: of a
    step only its K best seconds can be in a best assignment, since of those the other K - 1 steps
    leave one. The state is the set of steps that have their second.

    Raises:
        ValueError: If there are fewer seconds than steps, or more than 20 steps.
    """
    num_seconds, num_steps = scores_TK.shape
    _refuse_too_few(num_seconds, num_steps)
    if num_steps > 20:
        raise ValueError(
            f"a task must have at most 20 steps to be put in any order, got {num_steps}"
        )
    wanted = np.argsort(-scores_TK, axis=0, kind="stable")[:num_steps]
    seconds = np.unique(wanted)
    num_sets = 1 << num_steps
    sets = np.arange(num_sets)
    best_S = np.full(num_sets, -np.inf)
    best_S[0] = 0.0
    chosen = np.full((len(seconds), num_sets), -1, dtype=np.int8)
    for place, second in enumerate(seconds):
        after_S = best_S.copy()
        for step in range(num_steps):
            with_step = sets[(sets >> step) & 1 == 1]
            sum_S = best_S[with_step ^ (1 << step)] + scores_TK[second, step]
            better = sum_S > after_S[with_step]
            after_S[with_step[better]] = sum_S[better]
            chosen[place, with_step[better]] = step
        best_S = after_S
    return _trace_back(chosen, seconds, num_steps)


def _trace_back(chosen: np.ndarray, seconds: np.ndarray, num_steps: int) -> np.ndarray:
    second_K = np.empty(num_steps, dtype=np.int64)
    left = (1 << num_steps) - 1
    for place in reversed(range(len(seconds))):
        step = int(chosen[place, left])
        if step >= 0:
            second_K[step] = seconds[place]
            left ^= 1 << step
    return second_K


def _refuse_too_few(num_seconds: int, num_steps: int) -> None:
    if num_seconds < num_steps:
        raise ValueError(
            f"a video must have a second for each step, got {num_seconds} for {num_steps}"
        )
