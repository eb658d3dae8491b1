import pytest

from trainers.loop.skips import NonFiniteLoss, Skips


def test_as_many_in_a_row_as_may_be_are_skipped_and_named(caplog):
    skips = Skips(2)
    for step in (5, 6):
        skips.add(step, "loss nan", [7, 8])
    assert "step 6 is skipped: loss nan; rows of the corpus: 7, 8" in caplog.text
    with pytest.raises(NonFiniteLoss, match=r"step 7.*loss nan, step 3 in a row.*7, 8"):
        skips.add(7, "loss nan", [7, 8])


def test_a_step_that_was_done_begins_the_count_anew():
    skips = Skips(1)
    for step in range(0, 6, 2):
        skips.add(step, "loss nan", [])
        skips.reset()
    assert skips.in_a_row == 0


def test_none_may_be_skipped_where_the_limit_is_zero():
    with pytest.raises(NonFiniteLoss, match="max_skipped = 0"):
        Skips(0).add(1, "loss inf", [3])
