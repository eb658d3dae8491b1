"""Actions: each moves what it says and nothing else."""

import numpy as np
import pytest

from pipeline.demo.lexicon import ACTIONS
from pipeline.demo.motion import Pose, move

TIME_S = np.arange(40) / 12.5
MOVES = {
    "slide": {"x_px"},
    "bounce": {"y_px"},
    "spin": {"angle_rad"},
    "grow": {"scale"},
    "shrink": {"scale"},
    "blink": {"opacity"},
    "orbit": {"x_px", "y_px"},
    "shake": {"x_px", "angle_rad"},
}


def _moving(pose: Pose) -> set[str]:
    fields = ("x_px", "y_px", "scale", "angle_rad", "opacity")
    return {field for field in fields if np.ptp(getattr(pose, field)) > 1e-9}


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_moves_only_what_it_is_about(action: str) -> None:
    assert _moving(move(action, TIME_S, np.random.default_rng(0))) == MOVES[action]


def test_growing_is_mostly_upwards_and_shrinking_mostly_downwards() -> None:
    for seed in range(10):
        grown = np.diff(move("grow", TIME_S, np.random.default_rng(seed)).scale)
        shrunk = np.diff(move("shrink", TIME_S, np.random.default_rng(seed)).scale)
        assert (grown > 0).mean() > 0.8
        assert (shrunk < 0).mean() > 0.8


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'fly'"):
        move("fly", TIME_S, np.random.default_rng(0))
