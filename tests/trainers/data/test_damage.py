import pytest

from trainers.data.damage import DamagedSample, DamageLimit


def test_as_much_damage_as_allowed_is_allowed_in_every_epoch():
    limit = DamageLimit(0.1, 20, 5)
    for step in range(0, 40, 5):
        limit.add(step, 1)
        limit.add(step + 4, 1)


def test_more_of_it_in_one_epoch_ends_the_training():
    limit = DamageLimit(0.1, 20, 5)
    limit.add(5, 2)
    with pytest.raises(DamagedSample, match=r"at most 2 of the 20 .* got 3 up to step 8; .* why"):
        limit.add(7, 1, "why")


def test_no_damage_is_no_damage():
    DamageLimit(0.0, 20, 5).add(3, 0)


def test_counting_goes_on_where_another_left_off():
    first, second = DamageLimit(0.1, 20, 5), DamageLimit(0.1, 20, 5)
    first.add(5, 2)
    second.counted = first.counted
    second.add(7, 0)
    with pytest.raises(DamagedSample, match="got 3"):
        second.add(8, 1)
    second.add(10, 2)
