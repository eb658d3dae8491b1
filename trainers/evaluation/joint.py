"""Joint features: what a translator keeps of one source alone, as one vector.

The joint sequence of the source (`Translator.encode`), averaged over its valid positions. Nothing
else is read, so the features of a source are the same bits whether or not a clip has the others.

Shape letters in this file:
    B  sequences    S  positions    C  width of the source    H  width of the joint sequence
"""

from torch import Tensor

from trainers.models.standardise import Standardise
from trainers.models.translator import Translator

SOURCES = {"video": "video", "audio": "audio", "text": "words"}
"""What evaluation calls a modality -> what a translator calls it."""


def joint_sources(translator: Translator | None) -> tuple[str, ...]:
    """Return the modalities of which there are joint features, as evaluation calls them."""
    known = () if translator is None else translator.modalities
    return tuple(name for name, source in SOURCES.items() if source in known)


def joint_means(translator: Translator, source: str, x_BSC: Tensor, mask_BS: Tensor) -> Tensor:
    """Return joint features, `[B, H]`; zeros for a sequence without a valid position.

    Args:
        translator: Of a run, in eval mode.
        source: One of `joint_sources`.
        x_BSC: What the source's tower makes of it, or its log-mel frames; not standardised.
        mask_BS: True where a position is valid; valid positions come first.
    """
    modality = SOURCES[source]
    if len(x_BSC) == 0:  # recurrent layers refuse an empty batch
        return x_BSC.new_zeros(0, translator.hidden_dim)
    standardise = translator.standardise[modality]
    assert isinstance(standardise, Standardise)
    joint_BSH = translator.encode(standardise(x_BSC), mask_BS, modality)
    return joint_BSH.sum(dim=1) / mask_BS.sum(dim=1, keepdim=True).clamp(min=1)
