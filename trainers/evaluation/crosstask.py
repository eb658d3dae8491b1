"""CrossTask's files and shards -> the recall of its steps.

tasks_primary.txt            blocks of id, title, URL, number of steps, steps with commas, blank
annotations/TASK_VIDEO.csv   step from 1, start, end, in seconds
"""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from configs.probes import StepsConfig
from shards.manifest import Manifest
from trainers.evaluation.clips import Clip, list_clips
from trainers.evaluation.found import Found
from trainers.evaluation.steps import assign_in_any_order, assign_in_order, log_softmax
from trainers.evaluation.team import Team
from trainers.evaluation.windows import clips_by_video

_NAMED = 10

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Annotation:
    """Where the steps of a task are seen in one of its videos."""

    task: str
    video_id: str
    spans: list[tuple[int, int, int]]
    """Step from 0, first second, second after the last."""


@dataclass
class Count:
    """Steps of a task: annotated, and found in either way."""

    annotated: int = 0
    in_order: int = 0
    any_order: int = 0


def measure_steps(config: StepsConfig, team: Team) -> Found:
    """Localise the steps of all annotated videos that the shards hold.

    Raises:
        ValueError: If a file is wrong, no annotated video has clips, or two clips of a video have
            their middle in one second.
    """
    tasks = read_tasks(Path(config.tasks))
    annotations = read_annotations(Path(config.annotations), tasks)
    by_video = clips_by_video(list_clips(Manifest.load(config.shards)))
    missing = [a.video_id for a in annotations if a.video_id not in by_video]
    there = [a for a in annotations if a.video_id in by_video]
    if not there:
        raise ValueError(
            f"evaluation.steps.shards = {config.shards} must hold videos that are annotated in "
            f"{config.annotations}, got none of {len(annotations)}"
        )
    counts: dict[str, Count] = {}
    too_short = []
    # A task at a time: all of CrossTask are near a million clips.
    for task in dict.fromkeys(a.task for a in there):
        counts[task] = Count()
        of_task = [a for a in there if a.task == task]
        for annotation, scores_TK in _score(of_task, tasks[task], by_video, team):
            seconds = seconds_of(by_video[annotation.video_id])
            count_video(counts[task], annotation, seconds, scores_TK)
            if len(scores_TK) < scores_TK.shape[1]:
                too_short.append(annotation.video_id)
    _say_left_out(missing, too_short, len(annotations))
    in_order, any_order = (
        float(np.mean([getattr(count, way) / count.annotated for count in counts.values()]))
        for way in ("in_order", "any_order")
    )
    record = {
        "tasks": len(counts),
        "videos": len(there),
        "videos_missing": len(missing),
        "missing": missing[:_NAMED],
        "videos_too_short": too_short,
        "recall_in_order": in_order,
        "recall_any_order": any_order,
        "by_task": {task: asdict(count) for task, count in counts.items()},
    }
    return Found(
        {"eval/steps_recall": in_order, "eval/steps_recall_any_order": any_order},
        {"steps": record},
    )


def count_video(
    count: Count, annotation: Annotation, seconds: Sequence[int], scores_TK: np.ndarray
) -> None:
    """Add one video. With fewer seconds than steps, none of its steps is found."""
    truth: dict[int, set[int]] = {}
    for step, begin, end in annotation.spans:
        truth.setdefault(step, set()).update(range(begin, end))
    count.annotated += len(truth)
    if len(scores_TK) < scores_TK.shape[1]:
        return
    for way, assign in (("in_order", assign_in_order), ("any_order", assign_in_any_order)):
        place_K = assign(scores_TK)
        found = sum(seconds[place_K[step]] in covered for step, covered in truth.items())
        setattr(count, way, getattr(count, way) + found)


def read_tasks(path: Path) -> dict[str, list[str]]:
    """Return the steps of each task.

    Raises:
        ValueError: If the file is missing or a block is not a task's.
    """
    if not path.is_file():
        raise ValueError(f"evaluation.steps.tasks must be a file, got {str(path)!r}")
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    tasks = {}
    for block in blocks:
        lines = [line.strip() for line in block.strip().split("\n")]
        steps = lines[4].split(",") if len(lines) == 5 else []
        if len(lines) != 5 or str(len(steps)) != lines[3]:
            raise ValueError(
                f"{path}: a task must have id, title, URL, number of steps and so many steps, "
                f"got {block[:200]!r}"
            )
        tasks[lines[0]] = [step.strip() for step in steps]
    return tasks


def read_annotations(folder: Path, tasks: dict[str, list[str]]) -> list[Annotation]:
    """Return the annotations of the tasks' videos, by name. Those of other tasks are not read.

    Raises:
        ValueError: If the folder is missing, or a line is not an annotation; says which.
    """
    if not folder.is_dir():
        raise ValueError(f"evaluation.steps.annotations must be a folder, got {str(folder)!r}")
    found = []
    for path in sorted(folder.glob("*_*.csv")):
        task, _, video_id = path.stem.partition("_")
        if task in tasks:
            found.append(Annotation(task, video_id, _read_spans(path, len(tasks[task]))))
    return [annotation for annotation in found if annotation.spans]


def seconds_of(clips: Sequence[Clip]) -> list[int]:
    """Return the second in which the middle of each clip lies.

    Raises:
        ValueError: If that of two clips is one.
    """
    seconds = [math.floor((clip.start_s + clip.end_s) / 2) for clip in clips]
    if len(set(seconds)) < len(seconds):
        raise ValueError(
            f"clips of a video must lie a second apart, got closer ones of {clips[0].video_id!r}; "
            "build evaluation.steps.shards with clips.policy uniform and clips.stride_s 1"
        )
    return seconds


def _score(
    annotations: Sequence[Annotation],
    steps: list[str],
    by_video: dict[str, list[Clip]],
    team: Team,
) -> Iterator[tuple[Annotation, np.ndarray]]:
    """Yield each video of a task with the log-softmax of its seconds over the steps."""
    clips = [clip for a in annotations for clip in by_video[a.video_id]]
    embedding_ND = team.looks(clips).embedding
    text_KD = team.texts(steps)
    temperature = team.job.objectives.mil_nce.temperature
    begin = 0
    for annotation in annotations:
        end = begin + len(by_video[annotation.video_id])
        yield annotation, log_softmax(embedding_ND[begin:end] @ text_KD.T / temperature)
        begin = end


def _read_spans(path: Path, num_steps: int) -> list[tuple[int, int, int]]:
    spans = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            step, start_s, end_s = line.split(",")
            span = int(step) - 1, math.floor(float(start_s)), math.ceil(float(end_s))
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{path}:{number}: must be step,start,end, got {line!r}") from error
        if not 0 <= span[0] < num_steps or span[2] <= span[1]:
            raise ValueError(
                f"{path}:{number}: step must be 1 to {num_steps} and end above start, got {line!r}"
            )
        spans.append(span)
    return spans


def _say_left_out(missing: list[str], too_short: list[str], num_videos: int) -> None:
    if missing:
        logger.warning(
            "%d of %d annotated videos have no clip and are left out, such as %s",
            len(missing), num_videos, ", ".join(missing[:3]),
        )  # fmt: skip
    if too_short:
        logger.warning(
            "%d videos have fewer seconds than steps, all of which count as missed, such as %s",
            len(too_short), ", ".join(too_short[:3]),
        )  # fmt: skip
