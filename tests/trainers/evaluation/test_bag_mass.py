"""Tests of trainers/evaluation/bag_mass.py."""

import numpy as np
import pytest

from trainers.evaluation.bag_mass import BagMass, bag_mass

EYE = np.eye(3)


def test_mass_is_the_softmax_of_the_right_windows() -> None:
    bag = np.array([[0.0, 0, 0], [np.log(6.0), 0, 0], [0, 0, 0]])
    found = bag_mass([EYE[0]], [bag], [[False, True, False]], 1.0)
    assert found == BagMass(1, pytest.approx(0.75), pytest.approx(1 / 3), 1.0, 0.0)


def test_the_temperature_sharpens_it() -> None:
    bag = np.array([[0.0, 0, 0], [np.log(2.0), 0, 0]])
    found = bag_mass([EYE[0]], [bag], [[False, True]], 0.5)
    assert found is not None
    assert found.mass == pytest.approx(0.8)


def test_a_model_that_knows_nothing_has_the_uniform_mass() -> None:
    bags = [np.zeros((2, 3)), np.zeros((4, 3))]
    found = bag_mass([EYE[0]] * 2, bags, [[True, False], [True, False, False, False]], 1.0)
    assert found == BagMass(2, pytest.approx(0.375), pytest.approx(0.375), 1.0, 1.0)


def test_clips_without_a_choice_or_without_truth_are_left_out() -> None:
    bags = [np.zeros((2, 3))] * 3
    assert bag_mass([EYE[0]] * 3, bags, [None, [True, True], [False, False]], 1.0) is None
