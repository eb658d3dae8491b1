"""How weak the pairs are: is the window nearest a clip the one that describes it?

Counted against the truth that a demo corpus keeps beside it: each cue knows the step that it
describes (or none), and a clip shows the step that it overlaps most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shards.schema import Window
from trainers.evaluation.clips import Clip
from trainers.evaluation.spans import Span, best_overlaps, read_interval, read_records


@dataclass(frozen=True, slots=True)
class TrueCue:
    """A cue with the step that it describes; None for chit-chat."""

    video_id: str
    start_s: float
    end_s: float
    text: str
    step: int | None


@dataclass(frozen=True, slots=True)
class _Spoken:
    video_id: str
    start_s: float
    end_s: float


def read_cues(path: Path) -> list[TrueCue]:
    """Read one cue a line.

    Raises:
        ValueError: If the file is missing, or a line is not a cue; says file and line.
    """
    cues = []
    for number, record in read_records(path):
        video_id, start_s, end_s = read_interval(path, number, record)
        text, step = record.get("text"), record.get("step")
        if not isinstance(text, str) or not (step is None or isinstance(step, int)):
            raise ValueError(
                f"{path}:{number}: a cue must have a text and a step that is an integer or null, "
                f"got {text!r} and {step!r}"
            )
        cues.append(TrueCue(video_id, start_s, end_s, text, step))
    return cues


def right_ranks(
    clips: Sequence[Clip],
    bags: Sequence[tuple[Window, ...]],
    shown: Sequence[Span | None],
    cues: Sequence[TrueCue],
) -> list[int | None]:
    """Return for each clip the rank of its first right window, nearest = 1.

    A window belongs to the cue that it overlaps most, and is right where that cue describes the
    step shown. None: no window of the bag is right.

    Args:
        clips: Clips.
        bags: Their windows, nearest first.
        shown: Their true spans, with `step`; a clip without is left out of the result.
        cues: The true cues of the clips' videos.
    """
    known = [right for right in right_windows(clips, bags, shown, cues) if right is not None]
    return [right.index(True) + 1 if any(right) else None for right in known]


def right_windows(
    clips: Sequence[Clip],
    bags: Sequence[tuple[Window, ...]],
    shown: Sequence[Span | None],
    cues: Sequence[TrueCue],
) -> list[list[bool] | None]:
    """Return for each clip which windows are right; None where its true step is not known.

    Arguments as in `right_ranks`.
    """
    spoken = [
        _Spoken(clip.video_id, window.start_s, window.end_s)
        for clip, bag in zip(clips, bags, strict=True)
        for window in bag
    ]
    cue_of = iter(best_overlaps(spoken, cues))
    found: list[list[bool] | None] = []
    for bag, span in zip(bags, shown, strict=True):
        told = [next(cue_of) for _ in bag]
        step = None if span is None else span.step
        right = [index is not None and cues[index].step == step for index in told]
        found.append(None if step is None else right)
    return found


def count_alignment(ranks: Sequence[int | None], bag_size: int) -> dict[str, Any]:
    """Return the shares of clips whose right window is the nearest, or within the nearest K."""
    within = {
        str(k): sum(rank is not None and rank <= k for rank in ranks) / len(ranks)
        for k in range(1, bag_size + 1)
    }
    return {"clips": len(ranks), "nearest_right": within["1"], "right_within_k": within}
