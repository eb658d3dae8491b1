"""Figures of methods, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from trainers.comparison.calibration import expected_calibration_error
from trainers.comparison.metrics import measure, sentiment_figures
from trainers.comparison.outcomes import Outcomes, outcomes
from trainers.tasks.task import Split, Task


def _logs(seed: int, count: int, classes: int) -> np.ndarray:
    raw = np.random.default_rng(seed).normal(size=(count, classes))
    return raw - np.logaddexp.reduce(raw, axis=1, keepdims=True)


def test_figures_of_classes_are_scikit_learns() -> None:
    scores, labels = _logs(0, 200, 3), np.random.default_rng(1).integers(3, size=200)
    found = measure(Outcomes(scores, labels, np.arange(200)))
    answer = scores.argmax(axis=1)
    assert found["accuracy"] == accuracy_score(labels, answer)
    assert found["f1_weighted"] == f1_score(labels, answer, average="weighted")
    assert found["f1_macro"] == f1_score(labels, answer, average="macro")
    assert found["nll"] == pytest.approx(log_loss(labels, np.exp(scores)), abs=1e-12)


def test_a_label_of_zero_counts_as_positive_or_not_at_all() -> None:
    label = np.array([0.0, 0.0, 2.4, -1.2, 0.6])
    score = np.array([-0.1, 0.0, 1.0, 0.5, 0.2])
    found = sentiment_figures(score, label)
    assert found["a2_with_zero"] == pytest.approx(3 / 5)  # -0.1 and 0.5 have the wrong sign
    assert found["a2_without_zero"] == pytest.approx(2 / 3)
    assert found["a7"] == pytest.approx(2 / 5)  # the zeros, by rounding
    assert found["mae"] == pytest.approx(np.mean([0.1, 0, 1.4, 1.7, 0.4]))
    assert found["correlation"] == pytest.approx(np.corrcoef(score, label)[0, 1])


def test_five_classes_are_cut_at_two_and_seven_at_three() -> None:
    found = sentiment_figures(np.array([2.9, -2.2]), np.array([2.0, -3.0]))
    assert (found["a5"], found["a7"]) == (1.0, 0.0)


def test_a_score_that_never_changes_correlates_with_nothing() -> None:
    assert sentiment_figures(np.ones(3), np.array([1.0, 2.0, -1.0]))["correlation"] == 0


def test_calibration_error_is_the_gap_between_certainty_and_accuracy() -> None:
    sure = np.log(np.tile([0.9, 0.1], (10, 1)))
    half_right = np.array([0] * 5 + [1] * 5)
    assert expected_calibration_error(sure, half_right) == pytest.approx(0.4)
    assert expected_calibration_error(sure, np.array([0] * 9 + [1])) == pytest.approx(0.0)


def test_calibration_error_is_that_of_a_loop_over_bins() -> None:
    scores, labels = _logs(2, 500, 4), np.random.default_rng(3).integers(4, size=500)
    sure, right = np.exp(scores.max(axis=1)), scores.argmax(axis=1) == labels
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = (sure > low) & (sure <= low + 1 / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    assert expected_calibration_error(scores, labels) == pytest.approx(expected, abs=1e-12)


def test_positions_without_a_label_count_nowhere(made: Task) -> None:
    test = made.splits["test"]
    mask = test.modalities["right"].mask_NT
    labels = np.repeat(test.labels[:, None], mask.shape[1], axis=1)
    split = Split(test.ids, test.modalities, labels, mask)
    scores = np.where(np.arange(4) == labels[..., None], 0.0, -50.0)
    scores[~mask] = np.nan
    found = outcomes(scores, split)
    assert len(found.label_P) == mask.sum()
    assert measure(found)["accuracy"] == 1
    assert np.array_equal(found.example_P, np.nonzero(mask)[0])


@pytest.mark.parametrize("scores", [np.zeros((119, 4)), np.zeros(120), np.full((120, 4), np.nan)])
def test_scores_that_are_not_those_of_the_split_are_refused(made: Task, scores) -> None:
    with pytest.raises(ValueError, match="scores must"):
        outcomes(scores, made.splits["test"])
