"""The base of every settings class: frozen, and an unknown key is an error."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Settings are read once, checked as a whole and never changed afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
