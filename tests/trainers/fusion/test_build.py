"""Every method that the grid names is there, serves what it says it serves, and repeats itself."""

import numpy as np
import pytest

from configs.grid import METHODS, MethodsConfig
from configs.kernels import KccaConfig, MklConfig
from configs.mfas import MfasConfig
from configs.networks import NetworksConfig
from configs.sequences import HiddenCrfConfig, LearningConfig, SequenceConfig
from configs.translation import TranslationConfig
from trainers.fusion.build import fit_method, methods_of, why_not
from trainers.tasks.task import Sequences, Split, Task

_SHORT = LearningConfig(epochs=1)
QUICK = MethodsConfig(
    networks=NetworksConfig(steps=4, validations=1, hidden_dim=8),
    mfas=MfasConfig(samples=2, levels=1, epochs=1, finalists=1, tune=False),
    mkl=MklConfig(penalties=(1.0,), gammas=(1.0,)),
    kcca=KccaConfig(shrinkages=(0.1,), penalties=(1.0,), components=2),
    sequences=SequenceConfig(learning=_SHORT),
    hidden_crf=HiddenCrfConfig(learning=_SHORT),
    translation=TranslationConfig(epochs=1),
)


def make_task(*, each: bool = False, scores: bool = False, length: int = 4) -> Task:
    """A task of two modalities of one time base; sequences are of several lengths."""

    def split(seed: int, count: int) -> Split:
        rng = np.random.default_rng(seed)
        mask = np.arange(length) < rng.integers(1, length + 1, size=(count, 1))
        label = rng.integers(2, size=(count, length) if each else count)
        shown = (label if each else label[:, None])[:, :, None] * 2.0
        modalities = {
            name: Sequences(
                np.where(
                    mask[:, :, None], shown + rng.normal(size=(count, length, width)), 0
                ).astype(np.float32),
                mask,
            )
            for name, width in (("one", 3), ("two", 2))
        }
        labels = label.astype(np.float32) if scores else label
        ids = tuple(f"{seed}-{row}" for row in range(count))
        return Split(ids, modalities, labels, mask if each else None)

    splits = {"train": split(0, 30), "val": split(1, 12), "test": split(2, 9)}
    return Task("made", () if scores else ("a", "b"), splits)


@pytest.mark.parametrize("method", methods_of(METHODS, make_task()))
@pytest.mark.parametrize("kind", ["classes", "each", "scores", "vectors"])
def test_a_method_gives_scores_of_the_promised_shape_or_says_why_not(
    method: str, kind: str
) -> None:
    task = make_task(
        each=kind == "each", scores=kind == "scores", length=1 if kind == "vectors" else 4
    )
    reason = why_not(method, task)
    if reason:
        assert len(reason.split()) > 3
        return
    test = task.splits["test"]
    first, again = (fit_method(method, task, QUICK, seed=3) for _ in range(2))
    scores = first.scores(test)
    counted = np.ones(test.labels.shape, bool) if test.label_mask_NT is None else test.label_mask_NT
    assert scores.shape[: test.labels.ndim] == test.labels.shape
    assert scores.ndim == test.labels.ndim + (kind != "scores")
    if kind != "scores":
        assert np.exp(scores[counted]).sum(axis=-1) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(scores[counted], again.scores(test)[counted])
    assert first.num_parameters > 0


def test_a_method_that_cannot_serve_a_task_says_why() -> None:
    vectors, scores = make_task(length=1), make_task(scores=True)
    assert why_not("memory", vectors) == "it reads streams, and the modalities are vectors"
    assert why_not("mkl_easy", scores) == "it needs classes, and labels are scores"
    assert why_not("chain", make_task()) == "it needs a label at each position"
    assert why_not("early", scores) == ""


def test_alone_stands_for_one_method_a_modality() -> None:
    assert methods_of(("alone", "early"), make_task()) == ["alone.one", "alone.two", "early"]
