"""Which architectures are trained next: by the surrogate, level by level, or evenly.

Perez-Rua et al. 2019, algorithm 1. The first step trains all single units. Each later one takes
what was drawn before, puts every unit at the level in turn, guesses what comes of it, and draws
with probability in proportion to guess^(1 / temperature). Draws depend on the trace and the seed
alone.
"""

import math
from collections.abc import Mapping

import numpy as np

from configs.mfas import MfasConfig
from trainers.fusion.mfas.space import Architecture, Space, Unit
from trainers.fusion.mfas.surrogate import fit_surrogate, guess
from trainers.fusion.mfas.trace import Trace

Drawn = tuple[list[Architecture], list[float]]
"""Architectures, and what the surrogate guesses of them; no guesses where there is none."""


def num_steps(config: MfasConfig) -> int:
    """Return how many steps a search has."""
    return config.rounds * config.levels


def draw_progressively(space: Space, config: MfasConfig, trace: Trace, seed: int) -> Drawn:
    """Draw by the surrogate."""
    number = len(trace.steps)
    if number == 0:
        return [(unit,) for unit in space.units()], []
    rng = np.random.default_rng([seed, number])
    last = trace.steps[-1]
    begun = last.drawn
    if number == 1:
        worth_of = dict(zip(last.drawn, last.worths, strict=True))
        begun = sample(worth_of, config.samples, temperature(config, 0), rng)
    level = number % config.levels
    extended = {with_unit(one, level, unit): None for one in begun for unit in space.units()}
    surrogate = fit_surrogate(space, trace.measured(), seed)
    guesses = guess(surrogate, space, list(extended))
    drawn = sample(guesses, config.samples, temperature(config, number), rng)
    return drawn, [guesses[one] for one in drawn]


def draw_evenly(space: Space, config: MfasConfig, trace: Trace, seed: int) -> Drawn:
    """Draw as many at each step, no matter what was measured: lengths evenly, then units evenly."""
    units = space.units()
    number = len(trace.steps)
    rng = np.random.default_rng([seed, number])
    wanted = config.samples if number else len(units)
    drawn: dict[Architecture, None] = {}
    while len(drawn) < wanted:
        length = rng.integers(1, config.levels + 1)
        drawn[tuple(units[i] for i in rng.integers(len(units), size=length))] = None
    return list(drawn), []


def with_unit(architecture: Architecture, level: int, unit: Unit) -> Architecture:
    """Return the architecture with a unit at a level: in place of the one there, or at the end."""
    if level < len(architecture):
        return (*architecture[:level], unit, *architecture[level + 1 :])
    return (*architecture, unit)


def temperature(config: MfasConfig, number: int) -> float:
    """Return the temperature after so many steps."""
    gone = math.exp(-((number + 1) ** 2) / config.temperature_decay**2)
    return (config.first_temperature - config.last_temperature) * gone + config.last_temperature


def sample(
    worth_of: Mapping[Architecture, float], number: int, heat: float, rng: np.random.Generator
) -> list[Architecture]:
    """Draw different architectures, with probability in proportion to worth^(1 / heat)."""
    every = list(worth_of)
    if len(every) <= number:
        return every
    log_A = np.log(np.maximum(list(worth_of.values()), 1e-12)) / heat
    p_A = np.exp(log_A - log_A.max())
    drawn = rng.choice(len(every), size=number, replace=False, p=p_A / p_A.sum())
    return [every[i] for i in drawn]
