"""Figures of a method on a split: for classes, for scores, and those that sentiment papers print.

CMU-MOSI's labels run from -3 to 3, and papers count a label of 0 in two ways that differ by
points, so both are here under their names: `a2_with_zero` asks whether the signs of label and
score agree with 0 as positive, over all examples (Zadeh et al. 2018, `y >= 0`);
`a2_without_zero` leaves out examples whose label is 0 (later papers).

Shape letters in this file:
    P  positions with a label    C  classes
"""

from collections.abc import Mapping

import numpy as np
from sklearn.metrics import f1_score

from trainers.comparison.calibration import expected_calibration_error
from trainers.comparison.outcomes import Outcomes


def measure(found: Outcomes) -> dict[str, float]:
    """Return the figures of a method by name.

    Of classes: `accuracy`, `f1_weighted`, `f1_macro`, `nll` (nats) and `ece`. Of scores: `mae`
    and `correlation`. All but `nll`, `ece` and `mae` are the more the better.
    """
    if not found.is_classes:
        return score_figures(found.scores, found.label_P)
    answer_P, label_P = found.scores.argmax(axis=1), found.label_P
    right_P = np.take_along_axis(found.scores, label_P[:, None], axis=1)[:, 0]
    return {
        "accuracy": float(np.mean(answer_P == label_P)),
        "f1_weighted": float(f1_score(label_P, answer_P, average="weighted", zero_division=0)),
        "f1_macro": float(f1_score(label_P, answer_P, average="macro", zero_division=0)),
        # A method that rules out the truth would make every mean infinite: as e^-50, it counts.
        "nll": float(-np.mean(np.maximum(right_P, -50.0))),
        "ece": expected_calibration_error(found.scores, label_P),
    }


def score_figures(score_P: np.ndarray, label_P: np.ndarray) -> dict[str, float]:
    """Return mean absolute error and Pearson's correlation, 0 where scores never change."""
    constant = np.ptp(score_P) == 0 or np.ptp(label_P) == 0
    correlation = 0.0 if constant else float(np.corrcoef(score_P, label_P)[0, 1])
    return {"mae": float(np.mean(np.abs(score_P - label_P))), "correlation": correlation}


def sentiment_figures(score_P: np.ndarray, label_P: np.ndarray) -> Mapping[str, float]:
    """Return the figures of CMU-MOSI and CMU-MOSEI, of scores from -3 to 3.

    `a2_with_zero`, `f1_with_zero`, `a2_without_zero`, `f1_without_zero` (F1 weighted by class),
    `a5`, `a7` (labels and scores brought into -2..2 and -3..3, then rounded to the nearest whole
    number), `mae`, `correlation`.

    Raises:
        ValueError: If no label differs from 0.
    """
    clear_P = label_P != 0
    if not clear_P.any():
        raise ValueError("labels must have one that is not 0, got none")
    return {
        **_two_classes(score_P >= 0, label_P >= 0, "with_zero"),
        **_two_classes(score_P[clear_P] > 0, label_P[clear_P] > 0, "without_zero"),
        "a5": _agreement(score_P, label_P, 2),
        "a7": _agreement(score_P, label_P, 3),
        **score_figures(score_P, label_P),
    }


def _two_classes(answer_P: np.ndarray, label_P: np.ndarray, name: str) -> dict[str, float]:
    return {
        f"a2_{name}": float(np.mean(answer_P == label_P)),
        f"f1_{name}": float(f1_score(label_P, answer_P, average="weighted", zero_division=0)),
    }


def _agreement(score_P: np.ndarray, label_P: np.ndarray, most: int) -> float:
    rounded = (np.round(np.clip(value, -most, most)) for value in (score_P, label_P))
    return float(np.mean(np.equal(*rounded)))
