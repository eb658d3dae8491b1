"""JSON of a stranger -> values: no NaN, no endless nesting, numbers that a clock computes with."""

import json
from typing import Any

from pipeline.captions.cue import CaptionError

LATEST_S = 10_000 * 3600.0
"""What a stamp can tell at most. JSON can tell more, up to what no clock computes with."""


def read_json(text: str) -> Any:
    """Return the document; NaN and Infinity become None.

    Raises:
        CaptionError: `E_CAPPARSE` where it is no JSON, or nested too deep.
    """
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise CaptionError("E_CAPPARSE", f"not JSON: {str(error)[:120]}") from None


def seconds(value: Any) -> float | None:
    """Return a time to the millisecond; None where the value is no time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not abs(value) < LATEST_S:  # nor NaN
        return None
    return round(float(value), 3)
