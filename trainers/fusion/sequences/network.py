"""Networks of sequences: what gives a loss for known labels, and scores without them.

Shape letters in this file:
    B  sequences    T  positions    C  classes or scores    H  width of a state
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from configs.sequences import (
    HiddenCrfConfig,
    KernelAttentionConfig,
    MemoryConfig,
    RecurrentConfig,
    SequenceConfig,
    StatesConfig,
)
from trainers.fusion.sequences.cross_attention import CrossAttentionStates
from trainers.fusion.sequences.hidden_chain import HiddenChain
from trainers.fusion.sequences.inputs import Inputs, known
from trainers.fusion.sequences.linear_chain import LinearChain
from trainers.fusion.sequences.memory import MemoryStates
from trainers.fusion.sequences.recurrent import RecurrentStates


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be predicted."""

    num_classes: int
    """0 where labels are scores."""

    each: bool
    """Whether each position has a label."""

    num_scores: int = 1
    """Scores of an example, where labels are scores."""


class SequenceNetwork(nn.Module):
    """Fused states, and a prediction from each of them or from all together."""

    def __init__(self, config: SequenceConfig, widths: Mapping[str, int], asked: Asked) -> None:
        """Build it, for modalities of these widths.

        Raises:
            ValueError: If the labels are to be a chain and are not classes of positions.
        """
        super().__init__()
        if config.output == "chain" and not (asked.each and asked.num_classes):
            raise ValueError("output must be `independent` for a task without classes of positions")
        self.asked = asked
        self.dropout = nn.Dropout(config.dropout)
        self.states = _states(config.states, widths, config.dropout)
        self.out = nn.Linear(self.states.width, asked.num_classes or asked.num_scores)
        self.chain = LinearChain(asked.num_classes) if config.output == "chain" else None
        self.register_buffer("score_mean", torch.zeros(asked.num_scores))
        self.register_buffer("score_std", torch.ones(asked.num_scores))

    def outputs(self, inputs: Inputs) -> Tensor:
        """Return logits or emissions BC or BTC, or scores B, BT or, where they are many, BC."""
        values = {name: self.dropout(value) for name, value in inputs.values.items()}
        states_BTH = self.states(values, inputs.mask_BT)
        if not self.asked.each:
            states_BTH = self.states.pool(states_BTH, inputs.mask_BT)
        outputs = self.out(self.dropout(states_BTH))
        if self.asked.num_classes:
            return outputs
        outputs = outputs * self.score_std + self.score_mean
        return outputs.squeeze(-1) if self.asked.num_scores == 1 else outputs

    def loss(self, inputs: Inputs, labels: Tensor) -> Tensor:
        """Return the summed cross-entropy, the chains' -log p, or the absolute errors."""
        outputs = self.outputs(inputs)
        if self.chain is not None:
            return self.chain.losses(outputs, inputs.mask_BT, labels).sum()
        chosen = known(labels)
        if self.asked.num_classes:
            return F.cross_entropy(outputs[chosen], labels[chosen], reduction="sum")
        return (outputs[chosen] - labels[chosen]).abs().sum()

    def scores(self, inputs: Inputs) -> Tensor:
        """Return log-probabilities BC or BTC (a chain's marginals), or scores as `outputs`."""
        outputs = self.outputs(inputs).double()
        if self.chain is not None:
            return self.chain.log_marginals(outputs, inputs.mask_BT)
        return outputs.log_softmax(dim=-1) if self.asked.num_classes else outputs


class HiddenCrf(nn.Module):
    """A multi-view hidden conditional random field on a task's labels."""

    def __init__(self, config: HiddenCrfConfig, widths: Mapping[str, int], asked: Asked) -> None:
        """Build it, as `SequenceNetwork`.

        Raises:
            ValueError: If labels are scores.
        """
        super().__init__()
        if not asked.num_classes:
            raise ValueError("a hidden conditional random field needs classes, got scores")
        self.asked, self.dropout = asked, nn.Dropout(config.dropout)
        self.chain = HiddenChain(config, widths, asked.num_classes)

    def loss(self, inputs: Inputs, labels: Tensor) -> Tensor:
        """Return the summed -log p of the known labels."""
        return self.chain.losses(self._emissions(inputs), inputs.mask_BT, labels).sum()

    def scores(self, inputs: Inputs) -> Tensor:
        """Return log-probabilities BC or BTC."""
        of = self.chain.of_positions if self.asked.each else self.chain.of_sequences
        return of(self._emissions(inputs), inputs.mask_BT).double()

    def _emissions(self, inputs: Inputs) -> Tensor:
        values = {name: self.dropout(value) for name, value in inputs.values.items()}
        return self.chain.emissions(values, inputs.mask_BT)


Network = SequenceNetwork | HiddenCrf


def _states(
    config: StatesConfig, widths: Mapping[str, int], dropout: float
) -> RecurrentStates | MemoryStates | CrossAttentionStates:
    match config:
        case RecurrentConfig():
            return RecurrentStates(config, widths)
        case MemoryConfig():
            return MemoryStates(config, widths, dropout)
        case KernelAttentionConfig():
            return CrossAttentionStates(config, widths, dropout)
        case _:
            assert_never(config)
