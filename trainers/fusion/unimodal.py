"""Single modalities: a classifier of each, and the best that each could reach.

Shape letters in this file:
    M  modalities        N  examples        F  width of a feature        C  classes
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from configs.fusion import FusionConfig
from trainers.fusion.classifier import Classifier, Examples, fit_classifier


def fit_each(
    config: FusionConfig,
    seed: int,
    train: Mapping[str, Examples],
    val: Mapping[str, Examples],
    num_classes: int,
) -> dict[str, Classifier]:
    """Train one classifier a modality, all on the same terms."""
    return {
        name: fit_classifier(config, seed, train[name], val[name], num_classes) for name in train
    }


def predict_each(
    classifiers: Mapping[str, Classifier], features: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the classifiers' log-probabilities, `[M, N, C]`, in the order of `classifiers`."""
    return np.stack([c.log_probabilities(features[name]) for name, c in classifiers.items()])


def ceiling(factors: Sequence[Hashable], labels: Sequence[Hashable]) -> float:
    """Return the accuracy of one who sees a factor of the label perfectly and nothing else.

    For each value of the factor the best guess is its most frequent label.
    """
    labels_by_value: dict[Hashable, Counter[Hashable]] = defaultdict(Counter)
    for value, label in zip(factors, labels, strict=True):
        labels_by_value[value][label] += 1
    return sum(max(c.values()) for c in labels_by_value.values()) / len(labels)
