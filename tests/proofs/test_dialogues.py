"""Emotions in the dialogues of MELD, by words and speaker, three seeds.

Published text figures (weighted F1 of seven emotions 62 to 65 %) stand on a language model's
features; these are means and maxima of GloVe vectors, and nothing here is held against them.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from configs.sequences import (
    HiddenCrfConfig,
    KernelAttentionConfig,
    LearningConfig,
    MemoryConfig,
    SequenceConfig,
)
from trainers.comparison.metrics import measure
from trainers.comparison.outcomes import Outcomes, outcomes
from trainers.comparison.paired import compare
from trainers.fusion.sequences.fit import fit, fit_hidden_crf
from trainers.tasks import meld
from trainers.tasks.task import Task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]

SEEDS = (0, 1, 2)
LEARNING = LearningConfig(epochs=15, patience=3, batch=64)
CONFIGS = {
    "words alone": SequenceConfig(modalities=("text",), learning=LEARNING),
    "recurrent": SequenceConfig(learning=LEARNING),
    "chain": SequenceConfig(output="chain", learning=LEARNING),
    "memory": SequenceConfig(states=MemoryConfig(), learning=LEARNING),
    "kernel attention": SequenceConfig(states=KernelAttentionConfig(), learning=LEARNING),
    "hidden chain of two views": HiddenCrfConfig(learning=LEARNING),
}


@dataclass
class Arm:
    """One setting, trained with every seed."""

    found: list[Outcomes] = field(default_factory=list)
    cpu_s: float = 0.0

    def figure(self, name: str) -> float:
        return 100 * float(np.mean([measure(one)[name] for one in self.found]))

    def __str__(self) -> str:
        spread = np.std([100 * measure(one)["f1_weighted"] for one in self.found], ddof=1)
        return (
            f"weighted F1 {self.figure('f1_weighted'):.1f} +- {spread:.1f}, "
            f"accuracy {self.figure('accuracy'):.1f}, {self.cpu_s / len(self.found):.0f} CPU s"
        )


def trained(task: Task, config: SequenceConfig | HiddenCrfConfig) -> Arm:
    arm, test = Arm(), task.splits["test"]
    for seed in SEEDS:
        began = time.process_time()
        if isinstance(config, HiddenCrfConfig):
            method = fit_hidden_crf(task, config, seed)
        else:
            method = fit(task, config, seed)
        arm.cpu_s += time.process_time() - began
        arm.found.append(outcomes(method.scores(test), test))
    return arm


def test_emotions_of_utterances_in_their_dialogue(test_data: Path, figures) -> None:
    folder = test_data / "fusion"
    task = meld.load(folder / "meld", folder / "glove100_wink" / "wink_sg100_top60k.npz", "emotion")
    arms = {}
    for name, config in CONFIGS.items():
        arms[name] = trained(task, config)
        figures(**{name: str(arms[name])})
    gains = {n: np.stack([one.gains() for one in arm.found]) for n, arm in arms.items()}
    first = arms["recurrent"].found[0]
    majority = 100 * float(np.bincount(first.label_P).max() / len(first.label_P))
    figures(accuracy_of_the_majority=majority)
    for name in ("words alone", "chain", "memory"):
        found = compare(gains[name], gains["recurrent"], first.example_P, seed=0)
        ends = f"{100 * found.low:.1f} to {100 * found.high:.1f}"
        figures(**{f"{name} minus recurrent": f"{100 * found.difference:.1f} points ({ends})"})
    assert all(arm.figure("accuracy") > majority + 5 for arm in arms.values())
