"""Cyclic translation: what a clip shows, what is said of it and its sound, each from another.

Pham et al., "Found in Translation", AAAI 2019: L = forward MSE(T(x), y) + cycle MSE(T(T(x)), x),
with one translator T for all ways. The targets come from our own towers, so they are detached
and standardised by fixed statistics; otherwise both towers could agree on a constant. Which words
belong to a clip is not known: `windows` chooses, or weighs all of its bag.

Shape letters in this file:
    B  clips    K  windows of a bag    P  pairs of a clip and a window    Q  either
    R  rows of a source: P where it is words, else B    S  source positions    L  target positions
    C  width of the sequence named before it    F  positions of the sound    M  mel bands
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from configs.objectives import CyclicConfig, Direction, ends_of
from trainers.losses.translation_error import TranslationError, squared_errors
from trainers.losses.windows import Pairs, pair_with_windows
from trainers.models.outputs import TextOutput, VideoOutput
from trainers.models.translator import Translator


class Side(NamedTuple):
    """One modality, a row a clip or a pair: standardised, with what is valid."""

    values_QLC: Tensor
    mask_QL: Tensor

    def spread(self, pairs: Pairs) -> "Side":
        """Turn rows of clips into rows of pairs."""
        return Side(pairs.spread(self.values_QLC), pairs.spread(self.mask_QL))

    def take(self, rows: Tensor) -> "Side":
        """Return some rows."""
        return Side(self.values_QLC[rows], self.mask_QL[rows])


class Translation(NamedTuple):
    """Losses of one direction. Scalars, means over the batch's clips."""

    forward: Tensor
    """Source -> target, against the target."""

    cycle: Tensor
    """Source -> target -> source, against the source."""

    weighted: Tensor
    """Weighted sum of the two."""

    error: TranslationError
    """Error of source -> target against the window of most weight, as sums to be added up."""


class CyclicLoss(NamedTuple):
    """Losses of one batch."""

    total: Tensor
    """Mean over directions of their weighted sums. A scalar, a mean over clips."""

    directions: dict[Direction, Translation]


class CyclicTranslation(nn.Module):
    """The objective. The gradient reaches the translator and, through the source, its tower.

    Means are taken over a clip's valid positions first, and then over clips. A sum over clips
    divided by the global batch is therefore the whole batch's loss, whatever the micro-batches.
    A clip that lacks the source or the target costs 0.

    Whoever trains calls `translator.set_statistics` once for each modality, before the first step,
    with `masked_statistics` of fresh features. They are buffers, and so part of a checkpoint.
    """

    def __init__(
        self, config: CyclicConfig, translator: Translator, temperature: float = 1.0
    ) -> None:
        """Prepare; `temperature` is MIL-NCE's, for weights of windows."""
        super().__init__()
        self.config, self.translator, self.temperature = config, translator, temperature
        self._ends = {direction: ends_of(direction) for direction in config.directions}
        self._used = tuple(dict.fromkeys(end for ends in self._ends.values() for end in ends))

    def forward(
        self,
        video: VideoOutput,
        text: TextOutput,
        mask_BK: Tensor,
        mel_BFM: Tensor | None = None,
        heard_B: Tensor | None = None,
    ) -> CyclicLoss:
        """Translate clips and windows in all directions, and back.

        Args:
            video: The clips, B.
            text: Their windows, N = B K with a clip's windows next to each other.
            mask_BK: True where there is a window.
            mel_BFM: Log-mel frames, where a direction needs them.
            heard_B: True where a clip has sound.

        Raises:
            ValueError: If a direction needs sound and gets none.
        """
        choice = self.config.target_window
        pairs = pair_with_windows(choice, video, text, mask_BK, self.temperature)
        sides = {
            name: self._side(name, video, text, pairs, mel_BFM, heard_B) for name in self._used
        }
        joints = {
            name: self.translator.encode(*sides[name], name)
            for name in self._used
            if any(name == source for source, _ in self._ends.values())
        }
        found = {
            direction: self._translate(*ends, sides, joints, pairs)
            for direction, ends in self._ends.items()
        }
        return CyclicLoss(torch.stack([one.weighted for one in found.values()]).mean(), found)

    def _side(
        self,
        name: str,
        video: VideoOutput,
        text: TextOutput,
        pairs: Pairs,
        mel_BFM: Tensor | None,
        heard_B: Tensor | None,
    ) -> Side:
        """Return a modality's rows: pairs where it is words, clips otherwise."""
        standardise = self.translator.standardise[name]
        if name == "words":
            mask_PL = text.mask_NL[pairs.window_P]
            # Words come first: what is behind the longest window of the batch costs time only.
            length = max(1, int(mask_PL.any(dim=0).sum()))
            words_PLC = text.words_NLC[pairs.window_P, :length]
            return Side(standardise(words_PLC), mask_PL[:, :length])
        if name == "video":
            mask_BS = torch.ones_like(video.sequence_BSC[..., 0], dtype=torch.bool)
            return Side(standardise(video.sequence_BSC), mask_BS)
        if mel_BFM is None or heard_B is None:
            raise ValueError("a batch must have sound where sound is translated, got none")
        return Side(standardise(mel_BFM), heard_B.unsqueeze(1).expand(mel_BFM.shape[:2]))

    def _translate(
        self,
        source: str,
        target: str,
        sides: Mapping[str, Side],
        joints: Mapping[str, Tensor],
        pairs: Pairs,
    ) -> Translation:
        """Translate each row of the source once, and compare it with each target of its clip."""
        x, y = sides[source], sides[target]
        num_clips = len(pairs.best_B)
        length = y.values_QLC.shape[1]
        guess_RLC = self.translator.decode(joints[source], x.mask_QL, target, length)

        # Rows of targets as the source has them: read on the way back, and measured.
        if source == "words":
            weight_R, y_R = pairs.weight_P, y.spread(pairs)
        else:
            weight_R = torch.ones_like(pairs.weight_P[:num_clips])
            y_R = y.take(pairs.best_B) if target == "words" else y
        has_both_R = x.mask_QL.any(dim=1) & y_R.mask_QL.any(dim=1)
        weight_R = weight_R.masked_fill(~has_both_R, 0.0)

        if target == "words":
            heard_P = pairs.spread(x.mask_QL.any(dim=1))
            errors_P = squared_errors(pairs.spread(guess_RLC), y.values_QLC.detach(), y.mask_QL)
            forward = (errors_P * pairs.weight_P.masked_fill(~heard_P, 0.0)).sum() / num_clips
        else:
            errors_R = squared_errors(guess_RLC, y_R.values_QLC.detach(), y_R.mask_QL)
            forward = (errors_R * weight_R).sum() / num_clips
        cycle = forward.new_zeros(())
        if self.config.cycle_weight > 0:
            steps = x.values_QLC.shape[1]
            back_RSC = self.translator(guess_RLC, y_R.mask_QL, target, source, steps)
            errors_R = squared_errors(back_RSC, x.values_QLC.detach(), x.mask_QL)
            cycle = (errors_R * weight_R).sum() / num_clips
        weighted = self.config.forward_weight * forward + self.config.cycle_weight * cycle
        error = self._error(source, guess_RLC, y_R, has_both_R, pairs)
        return Translation(forward, cycle, weighted, error)

    def _error(
        self, source: str, guess_RLC: Tensor, y_R: Side, has_both_R: Tensor, pairs: Pairs
    ) -> TranslationError:
        """Measure against the window of most weight, whether it is the target or the source."""
        mask_RL = y_R.mask_QL & has_both_R.unsqueeze(1)
        rows = pairs.best_B if source == "words" else slice(None)
        return TranslationError.measure(guess_RLC[rows], y_R.values_QLC[rows], mask_RL[rows])
