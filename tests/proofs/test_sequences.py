"""Fusion over time on real data: CMU-MOSI by video, three seeds each.

Epochs are chosen by the loss on the val split. CMU-MOSI's text features come from a network that
was trained on the labels of its train videos, so what val videos say of text is too good.
"""

import functools
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from configs.sequences import (
    HiddenCrfConfig,
    KernelAttentionConfig,
    MemoryConfig,
    SequenceConfig,
)
from trainers.comparison.metrics import measure
from trainers.comparison.outcomes import Outcomes, outcomes
from trainers.fusion.late import learn_weights, weighted_sum
from trainers.fusion.sequences.fit import fit, fit_hidden_crf
from trainers.kernels.attention import MassError
from trainers.tasks import mosi
from trainers.tasks.task import Split, Task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]

SEEDS = (0, 1, 2)
KERNELS = ("polynomial", "exponential", "rbf")


@dataclass
class Arm:
    """One setting, trained with every seed."""

    found: list[Outcomes] = field(default_factory=list)
    cpu_s: float = 0.0

    def figure(self, name: str) -> float:
        return 100 * float(np.mean([measure(one)[name] for one in self.found]))

    def __str__(self) -> str:
        values = [100 * measure(one)["accuracy"] for one in self.found]
        spread = np.std(values, ddof=1) if len(values) > 1 else 0
        return f"{np.mean(values):.1f} % +- {spread:.1f}, {self.cpu_s / len(values):.0f} CPU s"


def trained(task: Task, config: SequenceConfig | HiddenCrfConfig, seeds: Any = SEEDS) -> Arm:
    arm, test = Arm(), task.splits["test"]
    for seed in seeds:
        began = time.process_time()
        if isinstance(config, HiddenCrfConfig):
            method = fit_hidden_crf(task, config, seed)
        else:
            method = fit(task, config, seed)
        arm.cpu_s += time.process_time() - began
        arm.found.append(outcomes(method.scores(test), test))
    return arm


def majority(split: Split) -> float:
    labels = split.labels[cast(np.ndarray, split.label_mask_NT)]
    return 100 * float(np.bincount(labels).max() / len(labels))


@functools.cache
def mosi_task(folder: Path) -> Task:
    return mosi.load(folder / "fusion" / "mosi_utt", "videos")


def late(task: Task) -> Arm:
    """Contextual networks of each modality, weights of a simplex by the val split."""
    arm, val, test = Arm(), task.splits["val"], task.splits["test"]
    known = cast(np.ndarray, val.label_mask_NT)
    for seed in SEEDS:
        began = time.process_time()
        alone = [fit(task, SequenceConfig(modalities=(name,)), seed) for name in test.modalities]
        weight_M = learn_weights(np.stack([m.scores(val)[known] for m in alone]), val.labels[known])
        decided = np.stack([m.scores(test) for m in alone])
        rows_MNC = decided.reshape(len(alone), -1, decided.shape[-1])
        joint = weighted_sum(rows_MNC, weight_M).reshape(decided.shape[1:])
        arm.cpu_s += time.process_time() - began
        arm.found.append(outcomes(joint, test))
    return arm


def test_opinions_of_utterances_in_the_context_of_their_video(test_data: Path, figures) -> None:
    task = mosi_task(test_data)
    text = trained(task, SequenceConfig(modalities=("text",)))
    early = trained(task, SequenceConfig())
    joined = late(task)
    memory = trained(task, SequenceConfig(states=MemoryConfig()))
    chain = trained(task, SequenceConfig(output="chain"))
    hidden = trained(task, HiddenCrfConfig())
    figures(
        majority=f"{majority(task.splits['test']):.1f} %",
        contextual_text=text,
        contextual_early=early,
        contextual_late=joined,
        memory_fusion=memory,
        chain_of_labels=chain,
        hidden_states_of_three_views=hidden,
    )
    assert text.figure("accuracy") >= 77
    assert abs(early.figure("accuracy") - text.figure("accuracy")) <= 1.5
    assert abs(joined.figure("accuracy") - text.figure("accuracy")) <= 1.5
    assert memory.figure("accuracy") >= 75
    assert min(chain.figure("accuracy"), hidden.figure("accuracy")) > majority(task.splits["test"])


def test_kernels_of_attention_on_opinions(test_data: Path, figures) -> None:
    task = mosi_task(test_data)
    found = {}
    for kernel in KERNELS:
        for tied in (False, True):
            states = KernelAttentionConfig.model_validate({"kernel": kernel, "tied": tied})
            name = f"{kernel}, {'one matrix' if tied else 'two matrices'}"
            found[name] = trained(task, SequenceConfig(states=states))
            figures(**{name: found[name]})
    for positions in ("none", "sum", "look_up", "relative"):
        states = KernelAttentionConfig.model_validate({"positions": positions})
        figures(
            **{f"exponential, positions {positions}": trained(task, SequenceConfig(states=states))}
        )
    stopped = []
    for tied in (False, True):
        states = KernelAttentionConfig(kernel="linear", tied=tied)
        with pytest.raises(MassError) as error:
            fit(task, SequenceConfig(states=states), 0)
        stopped.append(str(error.value).rpartition("got ")[2])
    figures(linear=f"does not train; positive sums in the first step: {'; '.join(stopped)}")
    accuracies = [arm.figure("accuracy") for arm in found.values()]
    assert max(accuracies) - min(accuracies) <= 2
