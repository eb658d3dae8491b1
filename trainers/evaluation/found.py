"""What a measurement found: figures, and the files that hold what stands behind them."""

from dataclasses import dataclass
from typing import Any

TIE_RULE = "a wrong item with the same score stands before a right one"


@dataclass(frozen=True, slots=True)
class Found:
    """Figures by their names in the log, and JSON files by theirs."""

    figures: dict[str, float]
    files: dict[str, dict[str, Any]]

    def __or__(self, other: "Found") -> "Found":
        return Found(self.figures | other.figures, self.files | other.files)
