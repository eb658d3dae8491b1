"""Early fusion."""

import numpy as np

from trainers.fusion.early import concatenate


def test_modalities_stand_side_by_side_in_order() -> None:
    fused_NF = concatenate({"video": np.zeros((3, 2)), "audio": np.ones((3, 1))})
    assert fused_NF.tolist() == [[0, 0, 1]] * 3
