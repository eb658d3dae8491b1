"""Figures of a global batch from the sums that its workers add up, by their keys in the log."""

from collections.abc import Mapping

from torch import Tensor

from configs.objectives import CyclicConfig, Direction, ends_of

SIMILARITY_SUMS = (
    "positive_logit", "num_positives", "negative_logit", "num_negatives",
    "num_clips", "recall_at_1", "recall_at_5",
)  # fmt: skip
"""What `similarity_figures` gives, in the order in which it stands in buffers."""

_COUNTS = {
    "positive_logit": "num_positives",
    "negative_logit": "num_negatives",
    "recall_at_1": "num_clips",
    "recall_at_5": "num_clips",
}


def put_similarity(sums: Mapping[str, Tensor], room: Tensor) -> None:
    """Add sums over a worker's clips to the room that a buffer has for them, one a name."""
    for place, name in enumerate(SIMILARITY_SUMS):
        room[place] += sums[name].to(room.dtype)


def similarity_values(group: str, room: Tensor) -> dict[str, float]:
    """Return mean logits and shares of clips, from sums over all workers.

    Args:
        group: `train` or `val`, the first half of the keys.
        room: What `put_similarity` filled, added up. Nothing counted gives no figure.
    """
    sums = dict(zip(SIMILARITY_SUMS, room.tolist(), strict=True))
    return {
        f"{group}/{name}": sums[name] / sums[count]
        for name, count in _COUNTS.items()
        if sums[count] > 0
    }


def told_apart(config: CyclicConfig) -> tuple[Direction, ...]:
    """Return the directions that have figures of their own: all, where there are several."""
    return config.directions if len(config.directions) > 1 else ()


def direction_key(name: str, direction: Direction) -> str:
    """Return the key of a figure of one direction, such as `val/cyclic_video_to_words`."""
    source, target = ends_of(direction)
    return f"{name}_{source}_to_{target}"
