"""Views: blocks of columns of one matrix, so that several modalities pass for one `X`.

Shape letters in this file:
    N  examples        F  columns of all views
"""

from collections.abc import Sequence

import numpy as np


def view_widths(views: Sequence[int] | None, num_columns: int) -> list[int]:
    """Return the columns of each view; None are the two halves of them.

    Raises:
        ValueError: A view has no column, or together they have others than there are.
    """
    if views is None:
        if num_columns < 2:
            raise ValueError(f"two views must have a column each, got {num_columns} feature(s)")
        return [num_columns // 2, num_columns - num_columns // 2]
    widths = [int(width) for width in views]
    if not widths or min(widths) < 1 or sum(widths) != num_columns:
        raise ValueError(f"views must have {num_columns} columns together, got {widths}")
    return widths


def split_views(x_NF: np.ndarray, widths: Sequence[int]) -> list[np.ndarray]:
    """Return the views' columns, each `[N, its width]`."""
    return np.split(x_NF, np.cumsum(widths)[:-1], axis=1)
