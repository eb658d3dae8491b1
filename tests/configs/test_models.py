"""Tests of configs/models.py."""

import pytest
from pydantic import ValidationError

from configs.models import TranslatorConfig


def test_heads_divide_the_width_where_there_are_heads() -> None:
    with pytest.raises(ValidationError, match="multiple of translator.heads, got 30 and 4"):
        TranslatorConfig(kind="transformer", hidden_dim=30)
    assert TranslatorConfig(kind="transformer", hidden_dim=30, heads=5).heads == 5
    assert TranslatorConfig(hidden_dim=30).kind == "queries"
