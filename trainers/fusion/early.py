"""Early fusion: the modalities' features side by side, before any classifier.

A clip has one feature of each modality, so there is one time base already; the classifier
standardises each column on the training clips, so no modality is louder than another.

Shape letters in this file:
    N  examples        F  width of a feature, or the sum of several
"""

from collections.abc import Mapping

import numpy as np


def concatenate(features: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return `[x_1; ..; x_M]` of shape `[N, F]`, the modalities in the mapping's order."""
    return np.concatenate(list(features.values()), axis=1)
