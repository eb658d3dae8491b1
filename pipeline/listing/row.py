"""One row of a table of sources, as each kind of table gives it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """Cells by column; those that are empty are None or left out.

    Attributes:
        number: Line of the file (the first is 1), or row of a table without lines.
        values: JSON values; what stands in a role (id, video, ...) may be text in all of them.
        problem: Why the row cannot be used; empty where it can.
    """

    number: int
    values: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
