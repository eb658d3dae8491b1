"""Draws the frames of a demo video: object over backdrop, one step at a time.

Shape suffixes: F frames, H rows, W columns, C colour channels.
"""

from collections.abc import Iterator

import numpy as np

from pipeline.demo.backdrop import HEIGHT_PX, WIDTH_PX, Backdrop
from pipeline.demo.motion import Pose, move
from pipeline.demo.shapes import signed_distance
from pipeline.demo.world import Step, World, random_stream

_RADIUS_PX = 13.0
_REST_PX = (WIDTH_PX / 2, 27.0)
_RGB = {
    "red": (214, 40, 42),
    "yellow": (252, 208, 28),
    "green": (44, 160, 58),
    "teal": (32, 206, 206),
    "blue": (40, 78, 216),
    "pink": (246, 92, 196),
}
_OUTLINE_PX = 1.4
_SHADOW_PX = (3, 2)


def render_frames(world: World) -> Iterator[np.ndarray]:
    """Frames of each step in turn, as frames_FHWC in uint8."""
    rng = random_stream(world.seed, world.index, "picture")
    backdrop = Backdrop(rng)
    time_s = np.arange(world.num_frames) / float(world.fps)
    for step in world.steps:
        last = step is world.steps[-1]
        shown = (time_s >= step.start_s) & ((time_s < step.end_s) | last)
        frames_FHWC = backdrop.paint(time_s[shown], step.seen, rng)
        _draw_object(frames_FHWC, step, time_s[shown] - step.start_s, rng)
        np.clip(frames_FHWC, 0, 255, out=frames_FHWC)
        yield frames_FHWC.astype(np.uint8)


def _draw_object(
    frames_FHWC: np.ndarray, step: Step, time_s: np.ndarray, rng: np.random.Generator
) -> None:
    """Blend shadow, outline, body and pip of the step's object into the frames."""
    pose = move(step.action, time_s, rng)
    pose.x_px = pose.x_px + _REST_PX[0] + rng.uniform(-5, 5)
    pose.y_px = pose.y_px + _REST_PX[1] + rng.uniform(-2, 2)
    rows, columns = _bounds(pose)
    canvas_FHWC = frames_FHWC[:, rows, columns]
    u, v, radius_px = _local(pose, rows, columns)
    distance_px = signed_distance(step.shape, u, v) * radius_px
    opacity = pose.opacity.astype(np.float32)[:, None, None]
    cover = np.clip(0.5 - distance_px, 0, 1) * opacity
    body = np.clip(0.5 - distance_px - _OUTLINE_PX, 0, 1) * opacity
    pip = np.clip(0.5 - (np.hypot(u, v + 0.62) - 0.2) * radius_px, 0, 1) * body

    colour = np.array(_RGB[step.colour], np.float32) + rng.uniform(-8, 8, 3).astype(np.float32)
    shade = np.clip(1.0 - 0.16 * (u + v), 0.75, 1.25)
    tone = (cover - body) * 0.38 + (body - pip) * shade + pip * 0.3
    kept = 1 - cover
    down, across = _SHADOW_PX
    kept[:, down:, across:] *= 1 - 0.4 * cover[:, :-down, :-across]
    # All layers in two passes over the colour channels, which are what drawing costs.
    canvas_FHWC *= kept[..., None]
    canvas_FHWC += tone[..., None] * colour


def _bounds(pose: Pose) -> tuple[slice, slice]:
    """Rows and columns that the object and its shadow may touch in any of the frames."""
    reach_px = 1.3 * _RADIUS_PX * pose.scale

    def span(centre_px: np.ndarray, limit: int) -> slice:
        first = int(np.floor((centre_px - reach_px).min()))
        last = int(np.ceil((centre_px + reach_px).max())) + max(_SHADOW_PX)
        return slice(max(first, 0), min(last, limit))

    return span(pose.y_px, HEIGHT_PX), span(pose.x_px, WIDTH_PX)


def _local(pose: Pose, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixel centres in the object's own frame, in radii, [F, H, W]; and its radius [F, 1, 1]."""
    x_px, y_px, scale, angle_rad = (
        values.astype(np.float32)[:, None, None]
        for values in (pose.x_px, pose.y_px, pose.scale, pose.angle_rad)
    )
    radius_px = scale * np.float32(_RADIUS_PX)
    centres_px = np.arange(WIDTH_PX, dtype=np.float32) + 0.5
    across = (centres_px[columns] - x_px) / radius_px
    down = (centres_px[rows, None] - y_px) / radius_px
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return across * cos + down * sin, down * cos - across * sin, radius_px
