"""What the tests of launching share lies beside them; those of the pages use it too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from heads import head, project, ray_as_before

__all__ = ["head", "project", "ray_as_before"]
