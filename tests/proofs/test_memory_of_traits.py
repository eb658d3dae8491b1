"""Memory fusion on POM: how a reviewer of a film is seen, by voice and face (R15 of the design)."""

import time
from pathlib import Path

import numpy as np
import pytest

from configs.sequences import LearningConfig, MemoryConfig, SequenceConfig
from trainers.comparison.metrics import score_figures
from trainers.fusion.sequences.fit import fit
from trainers.tasks import pom

pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]


def test_memory_fusion_of_voice_and_face_says_how_a_reviewer_is_seen(
    test_data: Path, figures
) -> None:
    config = SequenceConfig(
        states=MemoryConfig(hidden_dims=(48, 24), memory_dim=48),
        dropout=0.5,
        learning=LearningConfig(average=0.98, weight_decay=1e-2, epochs=30, patience=6),
    )
    correlations, errors, of_mean = [], [], []
    began = time.process_time()
    for trait in range(pom.NUM_TRAITS):
        task = pom.load(test_data / "fusion" / "mfn_new_data", trait)
        test = task.splits["test"]
        found = score_figures(fit(task, config, 0).scores(test), test.labels)
        correlations.append(found["correlation"])
        errors.append(found["mae"])
        of_mean.append(float(np.abs(test.labels - task.splits["train"].labels.mean()).mean()))
    figures(
        mean_correlation=float(np.mean(correlations)),
        correlations=f"{min(correlations):.2f} .. {max(correlations):.2f}",
        mean_absolute_error=float(np.mean(errors)),
        error_of_the_mean=float(np.mean(of_mean)),
        cpu_s_a_trait=(time.process_time() - began) / pom.NUM_TRAITS,
    )
    assert np.mean(correlations) >= 0.20
    assert np.mean(errors) < np.mean(of_mean)
