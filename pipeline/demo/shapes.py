"""Shapes of the demo world as signed distances: negative inside, in units of the radius.

Shape suffixes: arrays are broadcastable [frame, row, column]; v points down.
"""

import math

import numpy as np


def signed_distance(shape: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Distance to the border of `shape` at local coordinates (u, v).

    Raises:
        ValueError: `shape` is not a canonical shape of the lexicon.
    """
    match shape:
        case "disk":
            return np.hypot(u, v) - 0.92
        case "square":
            return np.maximum(np.abs(u), np.abs(v)) - 0.8
        case "triangle":
            return np.maximum(v - 0.56, np.abs(u) * 0.866 - v * 0.5 - 0.56)
        case "star":
            return _star(u, v)
        case "hoop":
            return np.abs(np.hypot(u, v) - 0.74) - 0.27
        case "cross":
            across, down = np.abs(u), np.abs(v)
            return np.minimum(
                np.maximum(across - 1.0, down - 0.34), np.maximum(across - 0.34, down - 1.0)
            )
        case _:
            raise ValueError(f"shape must be one of pipeline.demo.lexicon.SHAPES, got {shape!r}")


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Five points: fold the angle into one half of a point, then the distance to its edge."""
    sector = math.pi / 5
    angle = np.arctan2(u, -v)
    folded = np.abs(np.mod(angle + sector, 2 * sector) - sector)
    radius = np.hypot(u, v)
    outer, inner = 1.18, 0.52
    edge_x, edge_y = inner * math.cos(sector) - outer, inner * math.sin(sector)
    length = math.hypot(edge_x, edge_y)
    along_x, along_y = radius * np.cos(folded) - outer, radius * np.sin(folded)
    return (along_x * edge_y - along_y * edge_x) / length
