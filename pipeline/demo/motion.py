"""Actions of the demo world as poses over time.

Each repeats within two seconds, so that most of a step shows it.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(slots=True)
class Pose:
    """Where the object is in each frame; every field is one number a frame."""

    x_px: np.ndarray
    y_px: np.ndarray
    scale: np.ndarray
    angle_rad: np.ndarray
    opacity: np.ndarray


def move(action: str, time_s: np.ndarray, rng: np.random.Generator) -> Pose:
    """Pose around the resting place at each time since the step began.

    Raises:
        ValueError: `action` is not a canonical action of the lexicon.
    """
    phase = rng.uniform(0, 1)
    pace = rng.uniform(0.9, 1.1)
    turn = time_s * pace
    still = np.zeros_like(time_s)
    pose = Pose(still, still.copy(), still + 1, still + rng.uniform(-0.25, 0.25), still + 1)
    match action:
        case "slide":
            pose.x_px = 15 * np.sin(2 * np.pi * (turn / 2.0 + phase))
        case "bounce":
            pose.y_px = 6 - 14 * np.abs(np.sin(np.pi * (turn / 0.9 + phase)))
        case "spin":
            pose.angle_rad = 2 * np.pi * (turn / 1.4 + phase) * rng.choice((-1, 1))
        case "grow":
            pose.scale = 0.35 + np.mod(turn / 1.7 + phase, 1)
        case "shrink":
            pose.scale = 1.35 - np.mod(turn / 1.7 + phase, 1)
        case "blink":
            pose.opacity = np.where(np.mod(turn / 0.9 + phase, 1) < 0.55, 1.0, 0.0)
        case "orbit":
            around = 2 * np.pi * (turn / 1.6 + phase)
            pose.x_px, pose.y_px, pose.scale = 15 * np.cos(around), 8 * np.sin(around), still + 0.8
        case "shake":
            pose.x_px = 4 * np.sin(2 * np.pi * (turn * 3.1 + phase))
            pose.angle_rad = pose.angle_rad + 0.3 * np.sin(2 * np.pi * (turn * 2.3 + phase))
        case _:
            raise ValueError(f"action must be one of pipeline.demo.lexicon.ACTIONS, got {action!r}")
    return pose
