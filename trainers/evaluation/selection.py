"""Which clips are looked at, what is asked of them and what is known of them.

Everything that settings or truth files can get wrong is said here, before a clip is decoded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from configs.fusion import EvaluationConfig, RetrievalConfig
from trainers.evaluation.clips import Clip
from trainers.evaluation.spans import Span, match_spans, read_spans

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class RetrievalTask:
    """Clips to be ranked, each with the sentence that asks for it."""

    clips: list[Clip]
    queries: list[str]
    num_without_query: int
    """Clips of the split that show no labelled span: nothing asks for them, they are left out."""


@dataclass(frozen=True, slots=True)
class FusionTask:
    """Labelled clips of each split."""

    clips: dict[str, list[Clip]]
    labels: dict[str, np.ndarray]
    """Class numbers, by split."""
    classes: list[int | str]
    test_factors: dict[str, list[int | str]]
    """By modality, the part of each test clip's label that it reveals, where spans say it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What an evaluation is about."""

    clips: list[Clip]
    """All that have to be embedded, in the manifest's order."""
    retrieval: RetrievalTask
    fusion: FusionTask | None
    shown: list[Span | None]
    """The true span of each of `clips`, where truth is known."""


def select(config: EvaluationConfig, clips: Sequence[Clip]) -> Selection:
    """Choose clips.

    Args:
        config: Splits and truth files.
        clips: All clips of the shards.

    Raises:
        ValueError: If a truth file is wrong, a split that is needed has no clips, or no clip
            matches a truth file.
    """
    retrieval = _retrieval_task(config.retrieval, clips)
    labels = config.fusion.labels
    spans = match_spans(clips, read_spans(Path(labels))) if labels else [None] * len(clips)
    fusion = _fusion_task(labels, clips, spans) if labels else None
    keys = {clip.key for clip in retrieval.clips}
    if fusion is not None:
        keys |= {clip.key for part in fusion.clips.values() for clip in part}
    chosen = [clip for clip in clips if clip.key in keys]
    truth = config.retrieval.queries or labels
    shown = match_spans(chosen, read_spans(Path(truth))) if truth else [None] * len(chosen)
    return Selection(chosen, retrieval, fusion, shown)


def _retrieval_task(config: RetrievalConfig, clips: Sequence[Clip]) -> RetrievalTask:
    held_out = [clip for clip in clips if clip.split == config.split]
    if not held_out:
        more = (
            ""
            if config.split == "train"
            else f"build the shards with a larger shards.{config.split}_share, or more videos, or "
        )
        raise ValueError(
            f"the {config.split} split must hold clips to rank, got none of {len(clips)}; {more}"
            f"set evaluation.retrieval.split to one of {_splits_of(clips)}"
        )
    if not config.queries:
        return RetrievalTask(held_out, [clip.caption for clip in held_out], 0)
    spans = match_spans(held_out, read_spans(Path(config.queries)))
    asked = [
        (clip, span.sentence)
        for clip, span in zip(held_out, spans, strict=True)
        if span is not None and span.sentence
    ]
    if not asked:
        raise ValueError(
            f"evaluation.retrieval.queries = {config.queries} must hold a span with a sentence "
            f"for a clip of the {config.split} split, got none for {len(held_out)} clips, such as "
            f"{held_out[0].video_id!r}; its video ids must be those of the shards"
        )
    return RetrievalTask(
        [clip for clip, _ in asked],
        [sentence for _, sentence in asked],
        len(held_out) - len(asked),
    )


def _fusion_task(path: str, clips: Sequence[Clip], spans: Sequence[Span | None]) -> FusionTask:
    labelled: dict[str, list[tuple[Clip, Span, int | str]]] = {split: [] for split in SPLITS}
    for clip, span in zip(clips, spans, strict=True):
        if span is not None and span.label is not None:
            labelled[clip.split].append((clip, span, span.label))
    for split, found in labelled.items():
        if not found:
            raise ValueError(
                f"evaluation.fusion.labels = {path} must label clips of each split, got none of "
                f"{split}; fusion trains on train, chooses on val and is measured on test: build "
                "the shards with larger shards.val_share and shards.test_share, or more videos, "
                "or leave evaluation.fusion.labels empty"
            )
    classes = sorted({label for part in labelled.values() for *_, label in part}, key=_order)
    if len(classes) < 2:
        raise ValueError(
            f"evaluation.fusion.labels = {path} must hold at least two labels, got {classes}"
        )
    number = {label: index for index, label in enumerate(classes)}
    return FusionTask(
        clips={split: [clip for clip, *_ in part] for split, part in labelled.items()},
        labels={
            split: np.array([number[label] for *_, label in part], dtype=np.int64)
            for split, part in labelled.items()
        },
        classes=classes,
        test_factors=_factors([span for _, span, _ in labelled["test"]]),
    )


def _factors(spans: Sequence[Span]) -> dict[str, list[int | str]]:
    """Return the factors that every span has."""
    names = set.intersection(*(set(span.factors) for span in spans))
    return {name: [span.factors[name] for span in spans] for name in sorted(names)}


def _order(label: int | str) -> tuple[bool, int | str]:
    return isinstance(label, str), label


def _splits_of(clips: Sequence[Clip]) -> list[str]:
    return [split for split in SPLITS if any(clip.split == split for clip in clips)]
