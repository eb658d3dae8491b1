"""Translator between any named sequences: one core for all directions, its joint sequence kept.

Pham et al., "Found in Translation: Learning Robust Joint Representations by Cyclic Translations
Between Modalities", AAAI 2019. An encoder makes of a source the joint sequence, and a decoder makes
of the joint sequence a target; both are shared by all directions, so that a translation can be
translated back. `config.kind` says what they are:

    queries      bidirectional GRU; a GRU over the answers to a query for each position
    recurrent    as published: bidirectional LSTM; an attention LSTM that reads its own last output
    transformer  pre-norm transformer; queries for all positions at once

Two things differ from the paper in all of them. It pads every modality with zeros to the widest one
so that the core can be shared; here each modality has its own linear way in and out. And the way
out is linear, since targets are standardised, not squeezed into -1..1. There is no teacher forcing:
training and evaluation are the same computation, and a resumed run has no sampling to replay.

Shape letters in this file:
    B  sequences    S  source positions    L  target positions    C  width of a modality
    H  width of the joint sequence
"""

from collections.abc import Mapping

from torch import Tensor, nn

from configs.models import TranslatorConfig
from trainers.models.standardise import Standardise
from trainers.models.translator_queries import QueryCore
from trainers.models.translator_recurrent import RecurrentCore
from trainers.models.translator_transformer import TransformerCore


class Translator(nn.Module):
    """Translate each of its modalities into each other, in standardised units."""

    def __init__(self, config: TranslatorConfig, widths: Mapping[str, int]) -> None:
        """Build it.

        Args:
            config: What the core is, and its width.
            widths: Width of each modality, by its name.

        Raises:
            ValueError: If there are fewer than two modalities.
        """
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"widths must name two modalities or more, got {list(widths)}")
        hidden = config.hidden_dim
        self.hidden_dim = hidden
        self.ways_in = nn.ModuleDict({k: nn.Linear(c, hidden) for k, c in widths.items()})
        self.ways_out = nn.ModuleDict({k: nn.Linear(hidden, c) for k, c in widths.items()})
        self.core = _build_core(config, widths)
        self.dropout = nn.Dropout(config.dropout)
        self.standardise = nn.ModuleDict({k: Standardise(c) for k, c in widths.items()})

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of what it translates."""
        return tuple(self.ways_in)

    def set_statistics(self, modality: str, mean_C: Tensor, std_C: Tensor) -> None:
        """Fix a modality's standardisation. Once, before the first step, the same on all workers.

        They are buffers, and so part of a checkpoint.
        """
        standardise = self.standardise[modality]
        assert isinstance(standardise, Standardise)
        standardise.set(mean_C, std_C)

    def encode(self, source_BSC: Tensor, mask_BS: Tensor, source: str) -> Tensor:
        """Return the joint sequence BSH, zero where `mask_BS` is false.

        Such positions change nothing elsewhere. A sequence without any valid position is encoded
        as if its first one were a zero.
        """
        x_BSH = self.ways_in[source](source_BSC)
        if bool(mask_BS.all()):
            return self.dropout(self.core.encode(x_BSH, None))
        x_BSH = x_BSH.masked_fill(~mask_BS.unsqueeze(-1), 0.0)
        joint_BSH = self.core.encode(x_BSH, mask_BS)
        return self.dropout(joint_BSH).masked_fill(~mask_BS.unsqueeze(-1), 0.0)

    def decode(self, joint_BSH: Tensor, mask_BS: Tensor, target: str, length: int) -> Tensor:
        """Return the target sequence BLC of `length` positions."""
        ways = self.ways_in[target], self.ways_out[target]
        return self.core.decode(joint_BSH, mask_BS, target, length, *ways)

    def forward(
        self, source_BSC: Tensor, mask_BS: Tensor, source: str, target: str, length: int
    ) -> Tensor:
        """Translate.

        Args:
            source_BSC: Standardised source sequences.
            mask_BS: True where a position is valid; valid positions come first.
            source: Modality of `source_BSC`.
            target: Modality that is wanted.
            length: Positions that are wanted.

        Returns:
            Standardised target sequences, B x length x width of the target.
        """
        return self.decode(self.encode(source_BSC, mask_BS, source), mask_BS, target, length)


def _build_core(
    config: TranslatorConfig, widths: Mapping[str, int]
) -> QueryCore | RecurrentCore | TransformerCore:
    match config.kind:
        case "queries":
            return QueryCore(config, widths)
        case "recurrent":
            return RecurrentCore(config, widths)
        case "transformer":
            return TransformerCore(config, widths)
