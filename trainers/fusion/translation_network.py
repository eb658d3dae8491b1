"""The network of cyclic translation: a joint sequence from the source, with what it is asked for.

Pham et al., "Found in Translation: Learning Robust Joint Representations by Cyclic Translations
Between Modalities", AAAI 2019. Level 1 translates the source into the first target and back; its
joint sequence is what is kept. With a second target, level 2 translates that joint sequence into
it, and the joint sequence of level 2 is what is kept. The prediction is made from the last joint
sequence, so it needs the source alone.

Shape letters in this file:
    B  examples    S  positions of the source    L  positions of a target    C  width of a modality
    H  width of a joint sequence
"""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from configs.translation import TranslationConfig
from trainers.losses.translation_error import TranslationError, squared_errors
from trainers.models.sequence_head import SequenceHead
from trainers.models.translator import Translator


@dataclass(frozen=True, slots=True)
class Padded:
    """One modality of a batch, not standardised."""

    values_BSC: Tensor
    mask_BS: Tensor


@dataclass(frozen=True, slots=True)
class Translated:
    """How well a batch was translated. Losses are means over its examples, in standard units."""

    forward: Tensor
    cycle: Tensor
    """0 where nothing was translated back."""
    second: Tensor
    """0 where there is no second target."""
    error: TranslationError
    """Error of source -> first target, as sums that can be added up."""


class TranslationNetwork(nn.Module):
    """Joint sequences of a source, a prediction from them, and translations of them."""

    def __init__(
        self, config: TranslationConfig, widths: Mapping[str, int], num_outputs: int, each: bool
    ) -> None:
        """Build it.

        Args:
            config: Names of source and targets, none of them empty, and the widths of the layers.
            widths: Width of each modality.
            num_outputs: Numbers that a prediction consists of.
            each: Whether each position of the source is predicted for, or the example.
        """
        super().__init__()
        hidden, named = config.translator.hidden_dim, (config.source, *config.targets[:1])
        self.source, self.targets = config.source, config.targets
        self.first = Translator(config.translator, {name: widths[name] for name in named})
        self.second = None
        if len(config.targets) > 1:
            second = {"joint": hidden, config.targets[1]: widths[config.targets[1]]}
            self.second = Translator(config.translator, second)
        self.dropout = nn.Dropout(config.dropout)
        self.head = SequenceHead(hidden, num_outputs, config.dropout, each)

    def joints(self, source: Padded) -> list[Tensor]:
        """Return the joint sequences BSH of the levels, from the source alone."""
        x_BSC = self.first.standardise[self.source](source.values_BSC)
        joints = [self.first.encode(self.dropout(x_BSC), source.mask_BS, self.source)]
        if self.second is not None:
            joints.append(self.second.encode(joints[0], source.mask_BS, "joint"))
        return joints

    def predict(self, joints: list[Tensor], source: Padded) -> Tensor:
        """Return the prediction from the last joint sequence, BC or BSC."""
        return self.head(joints[-1], source.mask_BS)

    def translate(
        self, joints: list[Tensor], batch: Mapping[str, Padded], back: bool
    ) -> Translated:
        """Translate into the targets of `batch`, and, if `back`, into the source again."""
        source, target = batch[self.source], batch[self.targets[0]]
        wanted_BLC = self.first.standardise[self.targets[0]](target.values_BSC)
        length = wanted_BLC.shape[1]
        guess_BLC = self.first.decode(joints[0], source.mask_BS, self.targets[0], length)
        forward = squared_errors(guess_BLC, wanted_BLC, target.mask_BS).mean()
        cycle = second = forward.new_zeros(())
        if back:
            told_BSC = self.first.standardise[self.source](source.values_BSC)
            ends = (self.targets[0], self.source)
            back_BSC = self.first(guess_BLC, target.mask_BS, *ends, told_BSC.shape[1])
            heard_BS = source.mask_BS & target.mask_BS.any(dim=1, keepdim=True)
            cycle = squared_errors(back_BSC, told_BSC, heard_BS).mean()
        if self.second is not None:
            second = self._second_error(joints[1], source.mask_BS, batch[self.targets[1]])
        error = TranslationError.measure(guess_BLC, wanted_BLC, target.mask_BS)
        return Translated(forward, cycle, second, error)

    def _second_error(self, joint_BSH: Tensor, mask_BS: Tensor, target: Padded) -> Tensor:
        assert self.second is not None
        wanted_BLC = self.second.standardise[self.targets[1]](target.values_BSC)
        guess_BLC = self.second.decode(joint_BSH, mask_BS, self.targets[1], wanted_BLC.shape[1])
        return squared_errors(guess_BLC, wanted_BLC, target.mask_BS).mean()
