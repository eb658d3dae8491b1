"""What the training minimises: a contrastive loss, cyclic translation, and their weights."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from configs.settings import Settings

Modality = Literal["video", "words", "audio"]
"""What is translated. `audio`: log-mel frames (`data.mel_bands`, `data.mel_frames`)."""

Direction = Literal[
    "video->words", "words->video", "video->audio", "audio->video", "words->audio", "audio->words"
]


def ends_of(direction: Direction) -> tuple[str, str]:
    """Return source and target of a direction."""
    source, target = direction.split("->")
    return source, target


class WeightSchedule(Settings):
    """A factor that goes from `first` to `last` between two steps of the run."""

    shape: Literal["constant", "linear", "cosine"] = "constant"
    """How it goes. `constant`: it is 1 at every step, and the rest must stay as it is."""

    first: float = Field(default=0.0, ge=0)
    """Factor up to the step `begin`."""

    last: float = Field(default=1.0, ge=0)
    """Factor from the step `end` on."""

    begin: int = Field(default=0, ge=0)
    """Finished steps at which it begins to change; of a branch, counted from the first run's."""

    end: int = Field(default=0, ge=0)
    """Finished steps at which it is `last`."""

    @model_validator(mode="after")
    def _has_a_way_to_go(self) -> Self:
        if self.shape == "constant":
            if (self.first, self.last, self.begin, self.end) != (0.0, 1.0, 0, 0):
                raise ValueError(
                    "schedule.shape must be linear or cosine where first, last, begin or end is "
                    f"given, got constant with {self.first}, {self.last}, {self.begin}, {self.end}"
                )
        elif self.end <= self.begin:
            raise ValueError(
                f"schedule.end must be above schedule.begin, got {self.end} and {self.begin}"
            )
        return self


class MilNceConfig(Settings):
    """Multiple-instance noise-contrastive estimation (Miech 2020)."""

    weight: float = Field(default=1.0, ge=0)
    """Share of this loss in the total; at 0 it is still worked out and logged."""

    schedule: WeightSchedule = WeightSchedule()
    """Factor on `weight`, by the step."""

    temperature: float = Field(default=1.0, gt=0)
    """Divides the similarities. The paper trains on raw dot products, hence 1."""

    positives_in_denominator: Literal["twice", "once"] = "twice"
    """`twice` as in the authors' code (floor log 2), `once` as in the paper (floor 0)."""

    candidates: int = Field(default=5, ge=1, le=9)
    """K: windows of the bag that count as positives."""

    mask_same_video: bool = True
    """Leave other clips of the same video out of the negatives."""

    form: Literal["local", "chunked", "ring"] = "chunked"
    """How a worker meets the clips of all workers. `local`: all of its logits at once. `chunked`:
    `chunk` clips at a time. `ring`: chunked too, and other workers' embeddings come round one
    worker at a time, so that none holds the whole batch. The loss is the same."""

    chunk: int = Field(default=64, ge=1)
    """Clips whose logits are held at a time, where `form` is not `local`."""


class CyclicConfig(Settings):
    """Cyclic translation between what a clip shows, what is said of it and what it sounds like.

    Pham 2019; targets are detached and standardised.
    """

    weight: float = Field(default=0.0, ge=0)
    """Share of this loss in the total; 0 leaves the translator out."""

    schedule: WeightSchedule = WeightSchedule()
    """Factor on `weight`, by the step."""

    directions: tuple[Direction, ...] = ("video->words",)
    """What is translated into what, and back. The loss is the mean over directions."""

    forward_weight: float = Field(default=1.0, ge=0)
    """Weight of source -> target within this loss."""

    cycle_weight: float = Field(default=1.0, ge=0)
    """Weight of the way back, target -> source, within this loss."""

    target_window: Literal["nearest", "most_similar", "soft"] = "most_similar"
    """Window of the bag that stands for a clip's words: the nearest in time, which is right for
    about a third of clips; the one with the highest similarity in the joint space; or `soft`, all
    of them, weighted by MIL-NCE's softmax over the bag at `mil_nce.temperature`."""

    @model_validator(mode="after")
    def _directions_are_some(self) -> Self:
        if not self.directions or len(set(self.directions)) < len(self.directions):
            raise ValueError(
                "objectives.cyclic.directions must be one or more, each once, "
                f"got {self.directions}"
            )
        return self

    def modalities(self) -> tuple[str, ...]:
        """Return what some direction reads or writes, none where the loss has no weight."""
        used = {end for direction in self.directions for end in ends_of(direction)}
        return tuple(name for name in get_args(Modality) if name in used and self.weight > 0)


class ObjectivesConfig(Settings):
    """The objectives of a run; the total is their weighted sum."""

    contrastive: Literal["mil_nce", "nce", "max_margin", "info_nce"] = "mil_nce"
    """The contrastive loss. The others are what the paper compares with: `nce` and `max_margin` see
    the nearest window only, `info_nce` is one softmax a direction. All follow `mil_nce` below."""

    margin: float = Field(default=0.1, gt=0)
    """By how much a pair must be ahead of the others, `max_margin` only."""

    mil_nce: MilNceConfig = MilNceConfig()
    """Weight, temperature, bag and negatives of the contrastive objective, whichever it is."""

    cyclic: CyclicConfig = CyclicConfig()
    """The translation objective."""
