"""The sounds of a demo video: each step knocks or rings, over faint noise."""

import numpy as np

from pipeline.demo.world import Step, World, random_stream

AUDIO_HZ = 22_050
"""Sample rate of the demo's sound; clips are stored at another, so that resampling is tried."""

_HIT_S = 0.45
_LEVEL = 0.08
_FLOOR = 0.003


def render_sound(world: World) -> np.ndarray:
    """The whole soundtrack, mono int16."""
    rng = random_stream(world.seed, world.index, "sound")
    num_samples = round(world.duration_s * AUDIO_HZ)
    track = rng.normal(0, _FLOOR, num_samples)
    for step in world.steps:
        first, last = (round(at_s * AUDIO_HZ) for at_s in (step.start_s, step.end_s))
        track[first:last] += _step_sound(rng, step, last - first)
    return (np.clip(track, -1, 1) * 32767).astype("<i2")


def _step_sound(rng: np.random.Generator, step: Step, num_samples: int) -> np.ndarray:
    """One hit over and over, at the same loudness whichever it is."""
    hit = _ring(rng) if step.heard else _thud(rng)
    hit *= _LEVEL / np.sqrt(np.mean(hit**2))
    sound = np.zeros(num_samples + len(hit))
    period = int(rng.uniform(0.4, 0.6) * AUDIO_HZ)
    for start in range(int(rng.integers(period // 2)), num_samples, period):
        sound[start : start + len(hit)] += hit * rng.uniform(0.8, 1.2)
    return sound[:num_samples]


def _ring(rng: np.random.Generator) -> np.ndarray:
    """A small bell: three inharmonic partials that fade."""
    time_s = np.arange(int(_HIT_S * AUDIO_HZ)) / AUDIO_HZ
    pitch_hz = rng.uniform(700, 1300)
    partials = ((1.0, 1.0, 7.0), (2.1, 0.5, 10.0), (3.4, 0.3, 14.0))
    bell = np.zeros_like(time_s)
    for ratio, gain, decay in partials:
        bell += gain * np.exp(-decay * time_s) * np.sin(2 * np.pi * pitch_hz * ratio * time_s)
    return bell


def _thud(rng: np.random.Generator) -> np.ndarray:
    """A dull knock: a burst of noise without its high part."""
    num_samples = int(_HIT_S * AUDIO_HZ)
    spectrum = np.fft.rfft(rng.normal(size=num_samples))
    frequency_hz = np.fft.rfftfreq(num_samples, 1 / AUDIO_HZ)
    cut_hz = rng.uniform(150, 300)
    burst = np.fft.irfft(spectrum / (1 + (frequency_hz / cut_hz) ** 4), num_samples)
    return burst * np.exp(-10 * np.arange(num_samples) / AUDIO_HZ)
