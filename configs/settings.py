"""The base of every settings class: frozen, and an unknown key is an error."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict

PLACE, PLACE_OR_NAME = "place", "place or name"

Place = Annotated[str, PLACE]
"""A path or a URL. A relative path counts from where the command is given."""

PlaceOrName = Annotated[str, PLACE_OR_NAME]
"""The same where such a path is there, else a name that something else knows."""


class Settings(BaseModel):
    """Settings are read once, checked as a whole and never changed afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def dotted(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings by their dotted names."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            leaves |= dotted(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves
