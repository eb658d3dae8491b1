"""The pages' commands run on the head that the tests of launching start."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "pipeline" / "launching"))
from heads import head, project, ray_as_before

__all__ = ["head", "project", "ray_as_before"]
