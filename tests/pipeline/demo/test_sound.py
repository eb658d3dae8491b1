"""Sounds: ringing or thudding is told by where the energy lies, and betrays nothing else."""

from dataclasses import replace

import numpy as np

from pipeline.demo.sound import AUDIO_HZ, render_sound
from pipeline.demo.world import World, build_world


def _flip(world: World, bit: str) -> World:
    steps = tuple(replace(step, **{bit: 1 - getattr(step, bit)}) for step in world.steps)
    return replace(world, steps=steps)


def test_a_soundtrack_lasts_as_long_as_its_video() -> None:
    world = build_world(0, 0, 12)
    assert len(render_sound(world)) == round(world.duration_s * AUDIO_HZ)


def test_what_is_seen_or_said_leaves_no_trace_in_the_sound() -> None:
    world = build_world(0, 1, 6)
    sound = render_sound(world)
    assert np.array_equal(sound, render_sound(_flip(world, "seen")))
    assert np.array_equal(sound, render_sound(_flip(world, "said")))
    assert not np.array_equal(sound, render_sound(_flip(world, "heard")))


def test_ringing_and_thudding_are_equally_loud() -> None:
    world = build_world(0, 2, 12)
    one, other = render_sound(world), render_sound(_flip(world, "heard"))
    ratio = one.astype(float).std() / other.astype(float).std()
    assert 0.8 < ratio < 1.25


def test_the_soundtrack_does_not_clip() -> None:
    sound = np.abs(render_sound(build_world(0, 3, 12)).astype(int))
    assert 1000 < sound.max() < 32767
