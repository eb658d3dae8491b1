"""Pictures: steps are drawn in their own time, in their own colour, and betray nothing said."""

import colorsys
from dataclasses import replace

import numpy as np
import pytest

from pipeline.demo.backdrop import BENCH_ROW
from pipeline.demo.lexicon import COLOURS
from pipeline.demo.render import render_frames
from pipeline.demo.world import World, build_world

HUES = {"red": 0, "yellow": 48, "green": 127, "teal": 180, "blue": 227, "pink": 320}


def _frames(world: World) -> np.ndarray:
    return np.concatenate(list(render_frames(world)))


def test_a_video_has_a_frame_for_every_moment() -> None:
    world = build_world(0, 0, 12)
    assert len(_frames(world)) == world.num_frames


def test_what_is_heard_or_said_leaves_no_trace_in_the_picture() -> None:
    world = build_world(0, 1, 4)
    frames = _frames(world)
    for bit in (0, 1):
        steps = tuple(replace(step, heard=bit, said=bit) for step in world.steps)
        assert np.array_equal(frames, _frames(replace(world, steps=steps)))


def test_the_cloth_is_told_from_its_brightness_in_every_frame() -> None:
    world = build_world(0, 2, 12)
    for step, frames in zip(world.steps, render_frames(world), strict=True):
        level = frames[:, BENCH_ROW + 1 : 48].mean(axis=(1, 2, 3))
        assert ((level > 130) == step.seen).all(), step


@pytest.mark.parametrize("colour", COLOURS)
def test_an_object_has_the_colour_of_its_name(colour: str) -> None:
    world = build_world(0, 3, 4)
    steps = tuple(replace(step, action="spin", colour=colour, shape="disk") for step in world.steps)
    middle = _frames(replace(world, steps=steps))[:, 25:29, 38:42].mean(axis=(1, 2)) / 255
    for red, green, blue in middle:
        hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
        assert abs((360 * hue - HUES[colour] + 180) % 360 - 180) < 15
        assert saturation > 0.5
