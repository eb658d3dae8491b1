"""Word vectors learned from counts: a function of counts, settings and seed.

Shape letters in this file:
    V  words    D  width    P  pairs that are drawn
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from configs.words import VicoConfig
from trainers.words.counts import Counts, Pairs, as_pairs
from trainers.words.model import Drawn, Vico
from trainers.words.vectors import Vectors


@dataclass(frozen=True)
class Learned:
    """Vectors of a vocabulary, how kinds see them, and the loss of every step."""

    words: tuple[str, ...]
    model: Vico
    losses: tuple[float, ...]

    @property
    def vectors(self) -> Vectors:
        """The table that all kinds share."""
        return Vectors(self.words, self.model.table_VD.detach().numpy().copy())

    def seen_by(self, kind: str) -> Vectors:
        """Return the words as one kind sees them."""
        with torch.no_grad():
            seen_VK = self.model.seen(kind, torch.arange(len(self.words)))
        return Vectors(self.words, seen_VK.numpy())


def learn(counts: Counts, config: VicoConfig, seed: int) -> Learned:
    """Fit the model to counts.

    Raises:
        ValueError: If nothing is counted.
    """
    words = counts.words()
    if not words:
        raise ValueError("counts must hold a pair, got none")
    pairs = {kind: one for kind, one in as_pairs(counts, words).items() if len(one.count_P)}
    model = Vico(config, len(words), tuple(pairs), seed)
    optimiser = torch.optim.Adam(model.parameters(), lr=config.rate)
    rng = np.random.default_rng(seed)
    losses: list[float] = []
    for _ in range(config.steps):
        loss = model.loss(draw(pairs, config.batch, rng))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return Learned(tuple(words), model, tuple(losses))


def draw(pairs: Mapping[str, Pairs], batch: int, rng: np.random.Generator) -> dict[str, Drawn]:
    """Return pairs of each kind and as many negatives, drawn with replacement."""
    drawn: dict[str, Drawn] = {}
    for kind, one in pairs.items():
        at_P = rng.integers(len(one.count_P), size=batch)
        absent = len(one.absent_first_P)
        absent_P = rng.integers(absent, size=batch) if absent else np.zeros(0, np.int64)
        drawn[kind] = (
            torch.from_numpy(one.first_P[at_P]),
            torch.from_numpy(one.second_P[at_P]),
            torch.from_numpy(one.count_P[at_P].astype(np.float32)),
            torch.from_numpy(one.absent_first_P[absent_P]),
            torch.from_numpy(one.absent_second_P[absent_P]),
        )
    return drawn
