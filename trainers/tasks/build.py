"""From a task's name to its data: one case a task. A new task is a file here, and a case."""

from dataclasses import replace
from pathlib import Path
from typing import Literal, assert_never

from configs.grid import GridConfig, TaskName
from shards.paths import any_path
from trainers.tasks import avmnist, features, meld, mfeat, mosi, pom
from trainers.tasks.shots import with_shots
from trainers.tasks.task import Task

MFEAT_VIEWS = ("fou", "kar", "pix")
"""Three of the six: of the Fourier coefficients, of the pixels, and between the two."""

POM_TRAIT = 0
"""The first of its 17 scores."""


def load_tasks(config: GridConfig) -> dict[str, Task]:
    """Read the tasks that settings name, each once for every number of shots, by its name.

    Raises:
        ValueError: If a task's files are not what they must be.
        FileNotFoundError: If they are not there.
    """
    found: dict[str, Task] = {}
    for name in config.tasks:
        whole = replace(load_task(name, config), name=name)
        for shots in config.shots:
            task = with_shots(whole, shots, seed=0) if shots else whole
            found[task.name] = task
    return found


def load_task(name: TaskName, config: GridConfig) -> Task:
    """Read one task. Raises as `load_tasks`."""
    if name == "features":
        labels = any_path(config.labels) if config.labels else None
        return features.load(any_path(config.features), labels)
    return _public(name, Path(config.data))


def _public(
    name: Literal["avmnist", "mosi_utterances", "mosi_videos", "mfeat", "pom", "meld"], data: Path
) -> Task:
    match name:
        case "avmnist":
            return avmnist.load(data)
        case "mosi_utterances" | "mosi_videos":
            layout = "utterances" if name == "mosi_utterances" else "videos"
            return mosi.load(data / "mosi_utt", layout)
        case "mfeat":
            return mfeat.load(data / "mfeat", MFEAT_VIEWS)
        case "pom":
            return pom.load(data / "mfn_new_data", POM_TRAIT)
        case "meld":
            vectors = data / "glove100_wink" / "wink_sg100_top60k.npz"
            return meld.load(data / "meld", vectors, "emotion")
        case _:
            assert_never(name)
