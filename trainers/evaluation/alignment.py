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
    known = [
        (clip, bag, span.step)
        for clip, bag, span in zip(clips, bags, shown, strict=True)
        if span is not None and span.step is not None
    ]
    spoken = [_Spoken(c.video_id, w.start_s, w.end_s) for c, bag, _ in known for w in bag]
    cue_of = iter(best_overlaps(spoken, cues))
    ranks: list[int | None] = []
    for _, bag, step in known:
        found = [next(cue_of) for _ in bag]
        right = [index is not None and cues[index].step == step for index in found]
        ranks.append(right.index(True) + 1 if any(right) else None)
    return ranks


def count_alignment(ranks: Sequence[int | None], bag_size: int) -> dict[str, Any]:
    """Return the shares of clips whose right window is the nearest, or within the nearest K."""
    within = {
        str(k): sum(rank is not None and rank <= k for rank in ranks) / len(ranks)
        for k in range(1, bag_size + 1)
    }
    return {"clips": len(ranks), "nearest_right": within["1"], "right_within_k": within}
