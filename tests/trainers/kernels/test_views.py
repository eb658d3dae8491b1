"""Views as blocks of columns."""

import numpy as np
import pytest

from trainers.kernels.views import split_views, view_widths


def test_views_are_blocks_of_columns_in_order() -> None:
    parts = split_views(np.arange(10).reshape(2, 5), view_widths((2, 3), 5))
    assert [part.tolist() for part in parts] == [[[0, 1], [5, 6]], [[2, 3, 4], [7, 8, 9]]]


def test_without_a_word_about_them_there_are_two_halves() -> None:
    assert view_widths(None, 7) == [3, 4]


@pytest.mark.parametrize("views", [(2, 2), (5, 0), ()])
def test_views_that_are_not_the_columns_are_refused(views: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="views must have 5 columns"):
        view_widths(views, 5)


def test_one_column_has_no_halves() -> None:
    with pytest.raises(ValueError, match="two views must have a column each"):
        view_widths(None, 1)
