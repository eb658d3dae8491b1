"""What a demo video shows, step by step, drawn from (seed, index) alone and from nothing else.

A step is one action of one coloured shape. Three independent bits make its label: one only seen
(the cloth on the bench), one only heard (ringing or thudding), one only said (the purpose).
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import numpy as np

from pipeline.demo.lexicon import ACTIONS, COLOURS, SHAPES

STEP_S = 3.2
"""Mean length of a step: that of a clip of 32 frames at 10 fps."""

_BORDER_JITTER_S = 0.4
_TAIL_S = 0.24
_FRAME_RATES = (Fraction(25, 2), Fraction(15))
_PLACES = ("kitchen", "garage", "garden", "studio", "attic", "harbour")
_COMPLEMENTS = (((0, 0), (1, 1)), ((0, 1), (1, 0)))

Stream = Literal["steps", "narration", "picture", "sound"]
_STREAMS: tuple[Stream, ...] = ("steps", "narration", "picture", "sound")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action on screen during [start_s, end_s), with the three bits of its label."""

    start_s: float
    end_s: float
    action: str
    colour: str
    shape: str
    seen: int
    heard: int
    said: int

    @property
    def sentence(self) -> str:
        """Canonical description, such as `slide the red disk`."""
        return f"{self.action} the {self.colour} {self.shape}"

    @property
    def label(self) -> int:
        """Downstream class, 0 to 7."""
        return 4 * self.seen + 2 * self.heard + self.said


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that is shown in one video."""

    video_id: str
    index: int
    seed: int
    fps: Fraction
    duration_s: float
    steps: tuple[Step, ...]

    @property
    def num_frames(self) -> int:
        """Frames that cover the duration."""
        return int(np.ceil(self.duration_s * float(self.fps)))


def random_stream(seed: int, index: int, stream: Stream) -> np.random.Generator:
    """Random numbers of one concern of one video, independent of every other video and concern."""
    return np.random.default_rng([seed, index, _STREAMS.index(stream)])


def build_world(seed: int, index: int, num_steps: int) -> World:
    """Draw the steps of video `index`."""
    rng = random_stream(seed, index, "steps")
    fps = _FRAME_RATES[int(rng.integers(len(_FRAME_RATES)))]
    duration_s = round(num_steps * STEP_S + _TAIL_S, 3)
    jitter_s = rng.uniform(-_BORDER_JITTER_S, _BORDER_JITTER_S, num_steps - 1)
    inner_s = STEP_S * np.arange(1, num_steps) + jitter_s
    borders_s = [0.0, *(round(float(border_s), 3) for border_s in inner_s), duration_s]
    shown = _draw_shown(rng, num_steps)
    bits = _draw_bits(rng, num_steps)
    steps = tuple(
        Step(
            start_s=start_s, end_s=end_s,
            action=action, colour=colour, shape=shape,
            seen=seen, heard=heard, said=said,
        )
        for (start_s, end_s), (action, colour, shape), (seen, heard, said) in zip(
            pairwise(borders_s), shown, bits, strict=True
        )
    )  # fmt: skip
    place = _PLACES[index % len(_PLACES)]
    return World(
        video_id=f"{place}_{index:04d}", index=index, seed=seed, fps=fps,
        duration_s=duration_s, steps=steps,
    )  # fmt: skip


def _draw_shown(rng: np.random.Generator, num_steps: int) -> list[tuple[str, str, str]]:
    """(action, colour, shape) of each step; none comes twice before all came once."""
    combinations = [(a, c, s) for a in ACTIONS for c in COLOURS for s in SHAPES]
    order: list[int] = []
    while len(order) < num_steps:
        order.extend(rng.permutation(len(combinations)).tolist())
    return [combinations[position] for position in order[:num_steps]]


def _draw_bits(rng: np.random.Generator, num_steps: int) -> list[tuple[int, int, int]]:
    """(seen, heard, said) of each step.

    The purpose that is said holds for half of the video, so that a drifting narrator says it in
    time. Within each half the other two bits are dealt evenly, so that any choice of whole videos
    stays balanced: with 12 steps each pair of bits is exactly uniform within each video.
    """
    first_said = int(rng.integers(2))
    first_pair = int(rng.integers(2))
    sizes = (num_steps // 2, num_steps - num_steps // 2)
    bits: list[tuple[int, int, int]] = []
    for half, size in enumerate(sizes):
        dealt = _deal_pairs(rng, size, _COMPLEMENTS[first_pair ^ half])
        bits += [(seen, heard, first_said ^ half) for seen, heard in dealt]
    return bits


def _deal_pairs(
    rng: np.random.Generator, size: int, complement: tuple[tuple[int, int], ...]
) -> list[tuple[int, int]]:
    """`size` pairs in random order, as even as they can be; two left over become `complement`."""
    every = [(0, 0), (0, 1), (1, 0), (1, 1)]
    rounds, rest = divmod(size, len(every))
    if rest == 2:
        extra = list(complement)
    else:
        extra = [every[position] for position in rng.permutation(len(every))[:rest].tolist()]
    pairs = every * rounds + extra
    return [pairs[position] for position in rng.permutation(size).tolist()]
