"""What was really shown and said, written down; and figures counted from it.

Only evaluation and reports may read these files. Training on them would be cheating.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from pipeline.demo.narrate import SpokenCue
from pipeline.demo.world import STEP_S, World

NUM_CLASSES = 8
"""Classes of the downstream task: three bits."""

UNIMODAL_CEILING = 0.25
"""Best accuracy from one modality: it tells one of three fair bits, the other two are guessed."""

Planned = tuple[World, tuple[SpokenCue, ...]]


def step_rows(world: World) -> list[dict]:
    """Rows of truth/steps.jsonl, one a step."""
    return [
        {
            "video_id": world.video_id,
            "step": index,
            "start_s": step.start_s,
            "end_s": step.end_s,
            "sentence": step.sentence,
            "label": step.label,
            "factors": {"video": step.seen, "audio": step.heard, "text": step.said},
        }
        for index, step in enumerate(world.steps)
    ]


def cue_rows(world: World, cues: Sequence[SpokenCue]) -> list[dict]:
    """Rows of truth/cues.jsonl, one a cue."""
    return [
        {
            "video_id": world.video_id,
            "start_s": cue.start_s,
            "end_s": cue.end_s,
            "text": cue.text,
            "step": cue.step,
        }
        for cue in cues
    ]


def clip_ranks(world: World, cues: Sequence[SpokenCue]) -> list[int | None]:
    """For each clip cut every 3.2 s: how many cues are nearer than the one that describes it.

    A clip's step is the one it overlaps most; distance is that of centres, ties to the earlier
    cue. None: no cue describes the step.
    """
    ranks: list[int | None] = []
    num_clips = int(world.duration_s / STEP_S + 1e-9)
    for clip in range(num_clips):
        start_s, end_s = clip * STEP_S, (clip + 1) * STEP_S
        shown = max(
            range(len(world.steps)),
            key=lambda step: (
                min(end_s, world.steps[step].end_s) - max(start_s, world.steps[step].start_s)
            ),
        )
        centre_s = (start_s + end_s) / 2
        # To the microsecond, else rounding would break ties.
        nearest = sorted(cues, key=lambda cue: round(abs(cue.centre_s - centre_s), 6))
        described = [cue.step for cue in nearest]
        ranks.append(described.index(shown) if shown in described else None)
    return ranks


def corpus_summary(planned: Iterable[Planned]) -> dict:
    """Counts over a whole corpus: how weak the narration is, and how even the labels are."""
    planned = list(planned)
    ranks = [rank for world, cues in planned for rank in clip_ranks(world, cues)]
    labels = Counter(step.label for world, _ in planned for step in world.steps)
    said = [cue for _, cues in planned for cue in cues]
    return {
        "num_steps": labels.total(),
        "num_clips": len(ranks),
        "num_cues": len(said),
        "chit_chat_share": round(sum(cue.step is None for cue in said) / len(said), 4),
        "nearest_window_right_share": round(ranks.count(0) / len(ranks), 4),
        "right_in_nearest_5_share": round(
            sum(rank is not None and rank < 5 for rank in ranks) / len(ranks), 4
        ),
        "num_classes": NUM_CLASSES,
        "label_counts": [labels[label] for label in range(NUM_CLASSES)],
        "unimodal_ceiling": UNIMODAL_CEILING,
    }


def exact_ceiling(values: Sequence[int], labels: Sequence[int]) -> float:
    """Best accuracy on exactly these clips for a classifier that knows one factor only.

    Args:
        values: the factor's value of each clip, such as 0 or 1.
        labels: the class of each clip.

    Raises:
        ValueError: no clips, or not as many values as labels.
    """
    if not labels or len(values) != len(labels):
        raise ValueError(
            "a ceiling needs as many factor values as labels and at least one, "
            f"got {len(values)} and {len(labels)}"
        )
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for value, label in zip(values, labels, strict=True):
        counts[value][label] += 1
    return sum(max(count.values()) for count in counts.values()) / len(labels)


def json_lines(rows: Iterable[dict]) -> bytes:
    """Rows as JSONL with sorted keys."""
    return "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows).encode()
