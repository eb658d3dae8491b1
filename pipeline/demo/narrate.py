"""The narrator: describes each step, but seconds too early or too late, and not in plain words."""

from dataclasses import dataclass

import numpy as np

from pipeline.demo.lexicon import (
    ACTIONS,
    CHIT_CHAT,
    COLOURS,
    DESCRIBING,
    MISHEARD,
    PURPOSE_PHRASES,
    PURPOSES,
    SHAPES,
)
from pipeline.demo.world import Step, World, random_stream

_CUE_S = 2.6
_BORDER_JITTER_S = 0.3
_PAUSE_S = (0.04, 0.2)
_DRIFT_STD_S = 3.2
_DRIFT_MEMORY = 0.6
_SILENT_SHARE = 0.04
_PURPOSE_SHARE = 0.9
_SLIP_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class SpokenCue:
    """One caption cue during [start_s, end_s); `step` is the one it describes, None: chit-chat."""

    start_s: float
    end_s: float
    text: str
    step: int | None

    @property
    def centre_s(self) -> float:
        """Middle of the cue."""
        return (self.start_s + self.end_s) / 2


def narrate(world: World) -> tuple[SpokenCue, ...]:
    """The cues of a video, in order of time, none overlapping another."""
    rng = random_stream(world.seed, world.index, "narration")
    spans_s = _cue_spans(rng, world.duration_s)
    steps = _assign_steps(rng, world, spans_s)
    return tuple(
        SpokenCue(start_s, end_s, _say(rng, world, (start_s + end_s) / 2, step), step)
        for (start_s, end_s), step in zip(spans_s, steps, strict=True)
    )


def _cue_spans(rng: np.random.Generator, duration_s: float) -> list[tuple[float, float]]:
    num_cues = max(2, round(duration_s / _CUE_S))
    borders_s = np.linspace(0, duration_s, num_cues + 1)
    borders_s[1:-1] += rng.uniform(-_BORDER_JITTER_S, _BORDER_JITTER_S, num_cues - 1)
    starts_s = borders_s[:-1] + rng.uniform(*_PAUSE_S, num_cues)
    ends_s = borders_s[1:] - rng.uniform(*_PAUSE_S, num_cues)
    return [
        (round(float(start_s), 3), round(float(end_s), 3))
        for start_s, end_s in zip(starts_s, ends_s, strict=True)
    ]


def _assign_steps(
    rng: np.random.Generator, world: World, spans_s: list[tuple[float, float]]
) -> list[int | None]:
    """Put each step's description into the free cue nearest to its drifted time.

    The drift is an autoregressive walk: the narrator runs ahead for a while, then lags.
    """
    free = {cue: (start_s + end_s) / 2 for cue, (start_s, end_s) in enumerate(spans_s)}
    assigned: list[int | None] = [None] * len(spans_s)
    drift_s = rng.normal(0, _DRIFT_STD_S)
    wanted_s = []
    for step in world.steps:
        wanted_s.append((step.start_s + step.end_s) / 2 + drift_s)
        noise_s = _DRIFT_STD_S * np.sqrt(1 - _DRIFT_MEMORY**2)
        drift_s = _DRIFT_MEMORY * drift_s + rng.normal(0, noise_s)
    silent = rng.random(len(world.steps)) < _SILENT_SHARE
    for step in rng.permutation(len(world.steps)).tolist():
        if silent[step] or not free:
            continue
        cue = min(free, key=lambda cue: abs(free[cue] - wanted_s[step]))
        assigned[cue] = step
        del free[cue]
    return assigned


def _say(rng: np.random.Generator, world: World, centre_s: float, step: int | None) -> str:
    """One cue: a description or chit-chat, mostly with the purpose of the part we are in."""
    text = _pick(rng, CHIT_CHAT) if step is None else _describe(rng, world.steps[step])
    words = _slip(rng, text.split())
    if rng.random() < _PURPOSE_SHARE:
        now = next(step for step in reversed(world.steps) if step.start_s <= centre_s)
        phrase = _pick(rng, PURPOSE_PHRASES).format(word=_pick(rng, PURPOSES[now.said]))
        words += phrase.split()
    return " ".join(words)


def _describe(rng: np.random.Generator, step: Step) -> str:
    return _pick(rng, DESCRIBING).format(
        verb=_pick(rng, ACTIONS[step.action]),
        colour=_pick(rng, COLOURS[step.colour]),
        shape=_pick(rng, SHAPES[step.shape]),
    )


def _slip(rng: np.random.Generator, words: list[str]) -> list[str]:
    """What speech recognition leaves of the words: at times one is misheard or lost."""
    if rng.random() >= _SLIP_SHARE:
        return words
    position = int(rng.integers(len(words)))
    heard = MISHEARD.get(words[position])
    return [*words[:position], *([heard] if heard else []), *words[position + 1 :]]


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]
