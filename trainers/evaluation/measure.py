"""What is measured on the shards that a run was trained on: retrieval, alignment, fusion.

Text-to-video: each clip's sentence is a query and all clips of the split are ranked; clips with
an equal sentence are all right. Video-to-text: each clip is a query and the same sentences, one
a clip, are ranked. It is the transposed score matrix, so both directions have one chance.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from configs.fusion import EvaluationConfig
from shards.schema import Window
from trainers.data.corpus import Corpus
from trainers.evaluation.absent import measure_absence, with_joint
from trainers.evaluation.alignment import (
    TrueCue,
    count_alignment,
    read_cues,
    right_ranks,
    right_windows,
)
from trainers.evaluation.bag_mass import bag_mass
from trainers.evaluation.clips import Clip, list_clips
from trainers.evaluation.embed import Features
from trainers.evaluation.found import TIE_RULE, Found
from trainers.evaluation.grid import make_grid
from trainers.evaluation.retrieval import Ranking, chance, metrics, number_texts, rank_items
from trainers.evaluation.selection import FusionTask, RetrievalTask, Selection, select
from trainers.evaluation.team import Team
from trainers.fusion.table import Labelled, Table, make_table

MASS_WINDOWS = 5
"""Windows of a bag whose softmax is held against the truth: the same for runs of any K."""

logger = logging.getLogger(__name__)


def measure(
    config: EvaluationConfig, corpus: Corpus, team: Team, step: int
) -> tuple[Found, list[Clip], Features]:
    """Measure a frozen run; return also the clips that were looked at, and their features.

    What was not measured has a `skipped` with the reason in its file.

    Raises:
        ValueError: If a truth file is wrong, or a split that is needed is empty.
    """
    selection = select(config, [c for m in corpus.manifests for c in list_clips(m)])
    cues = read_cues(Path(config.cues)) if config.cues else []
    features, bags = team.clips(selection.clips)
    found = _retrieval(config, selection, features, team, step)
    found |= _alignment(selection, bags, cues)
    found |= _mass(selection, features, bags, cues, team)
    found |= _fusion(config, selection, features)
    return found, selection.clips, features


def _retrieval(
    config: EvaluationConfig,
    selection: Selection,
    features: Features,
    team: Team,
    step: int,
) -> Found:
    task = selection.retrieval
    clip_ND = features.take(_rows(selection.clips, task.clips)).embedding
    texts, right_N = number_texts(task.queries)
    query_ND = team.texts(texts)[right_N]
    to_video = rank_items(query_ND, clip_ND, right_N, right_N)
    to_text = rank_items(clip_ND, query_ND, right_N, right_N)
    grid = make_grid(
        task.clips, task.queries, query_ND, clip_ND, right_N, config.retrieval.grid_queries
    )
    record = _retrieval_record(config, task, to_video, to_text, step, len(texts))
    figures = {
        **{f"eval/t2v_{name}": value for name, value in metrics(to_video).items()},
        **{f"eval/v2t_{name}": value for name, value in metrics(to_text).items()},
        **{f"eval/chance_{name}": value for name, value in chance(to_video).items()},
        "eval/num_queries": len(task.queries),
        "eval/num_clips": len(task.clips),
    }
    return Found(figures, {"grid": grid, "retrieval": record})


def _retrieval_record(
    config: EvaluationConfig,
    task: RetrievalTask,
    to_video: Ranking,
    to_text: Ranking,
    step: int,
    num_sentences: int,
) -> dict[str, Any]:
    return {
        "step": step,
        "split": config.retrieval.split,
        "query_source": config.retrieval.queries or "the nearest window of each clip",
        "tie_rule": TIE_RULE,
        "num_queries": len(task.queries),
        "num_different_sentences": num_sentences,
        "num_clips": len(task.clips),
        "num_videos": len({clip.video_id for clip in task.clips}),
        "num_clips_without_query": task.num_without_query,
        "t2v": metrics(to_video),
        "v2t": metrics(to_text),
        "chance": chance(to_video),
        "t2v_ranks": to_video.rank_Q.tolist(),
        "v2t_ranks": to_text.rank_Q.tolist(),
    }


def _alignment(
    selection: Selection, bags: Sequence[tuple[Window, ...]], cues: Sequence[Any]
) -> Found:
    ranks = right_ranks(selection.clips, bags, selection.shown, cues) if cues else []
    if not ranks:
        reason = (
            "no clip has a true step: evaluation.cues and the steps of "
            "evaluation.retrieval.queries are both needed to count alignment"
        )
        return Found({}, {"alignment": {"skipped": reason}})
    counted = count_alignment(ranks, max(map(len, bags)))
    figures = {"eval/nearest_window_right": counted["nearest_right"]}
    return Found(figures, {"alignment": counted})


def _mass(
    selection: Selection,
    features: Features,
    bags: Sequence[tuple[Window, ...]],
    cues: Sequence[TrueCue],
    team: Team,
) -> Found:
    """Weigh the nearest windows of the clips that are ranked."""
    if not cues:
        return Found({}, {})
    rows = _rows(selection.clips, selection.retrieval.clips)
    clips, shown = [selection.clips[row] for row in rows], [selection.shown[row] for row in rows]
    short = [bags[row][:MASS_WINDOWS] for row in rows]
    text_ND = team.texts([window.text for bag in short for window in bag])
    texts = np.split(text_ND, np.cumsum([len(bag) for bag in short])[:-1])
    found = bag_mass(
        list(features.take(rows).embedding),
        texts,
        right_windows(clips, short, shown, cues),
        team.job.objectives.mil_nce.temperature,
    )
    if found is None:
        return Found({}, {})
    return Found({f"eval/bag_{name}": value for name, value in asdict(found).items()}, {})


def _fusion(config: EvaluationConfig, selection: Selection, features: Features) -> Found:
    task = selection.fusion
    if task is None:
        reason = "no labelled spans: evaluation.fusion.labels is empty"
        logger.info("fusion skipped: %s", reason)
        skipped = {"skipped": reason}
        return Found({}, {name: dict(skipped) for name in ("fusion", "absent", "labels")})
    labelled = _labelled(task, selection, features, Features.modalities)
    table = make_table(config.fusion, labelled, task.classes, task.test_factors)
    for row in table.rows:
        if row.exceeds_ceiling:
            logger.warning(
                "%s is right for %.3f, above the %.3f that it can know: does its feature leak?",
                row.name, row.mean, row.limit,
            )  # fmt: skip
    files = {"fusion": table.to_json(), "labels": _labels(task)}
    found = Found(_fusion_figures(table), files)
    inputs = {"": labelled}
    if features.joint:
        inputs["_joint"] = _labelled(task, selection, features, _with_joint)
    return found | _absent(config, inputs, len(task.classes))


def _labels(task: FusionTask) -> dict[str, Any]:
    """Return what the features' clips show, for whoever fuses them elsewhere."""
    of_clips = {
        clip.key: int(label)
        for split, clips in task.clips.items()
        for clip, label in zip(clips, task.labels[split], strict=True)
    }
    return {"classes": [str(name) for name in task.classes], "labels": of_clips}


def _absent(
    config: EvaluationConfig, inputs: Mapping[str, dict[str, Labelled]], num_classes: int
) -> Found:
    """Leave modalities out: of the fusion table's features, and with their joint ones where any."""
    measured = {
        name: measure_absence(config.fusion, splits, num_classes) for name, splits in inputs.items()
    }
    figures = {
        key: value
        for name, absence in measured.items()
        for key, value in absence.figures(f"eval/absent{name}").items()
    }
    record = {name.strip("_") or "own": absence.to_json() for name, absence in measured.items()}
    return Found(figures, {"absent": record})


def _with_joint(features: Features) -> dict[str, np.ndarray]:
    return with_joint(features.modalities(), features.joint)


def _labelled(
    task: FusionTask,
    selection: Selection,
    features: Features,
    read: Callable[[Features], dict[str, np.ndarray]],
) -> dict[str, Labelled]:
    return {
        split: Labelled(read(features.take(_rows(selection.clips, clips))), task.labels[split])
        for split, clips in task.clips.items()
    }


def _fusion_figures(table: Table) -> dict[str, float]:
    figures: dict[str, float] = {}
    for row in table.rows:
        figures[f"eval/fusion_{row.name}_mean"] = row.mean
        figures[f"eval/fusion_{row.name}_std"] = row.std
    figures["eval/fusion_majority"] = table.majority
    figures["eval/fusion_gain"] = table.gain
    return figures


def _rows(clips: Sequence[Clip], chosen: Sequence[Clip]) -> list[int]:
    row_of = {clip.key: row for row, clip in enumerate(clips)}
    return [row_of[clip.key] for clip in chosen]
