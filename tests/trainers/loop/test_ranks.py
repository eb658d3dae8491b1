import pytest

from trainers.loop.ranks import owned_ranks


@pytest.mark.parametrize(("virtual", "workers"), [(1, 1), (3, 2), (4, 3), (8, 5), (7, 7)])
def test_every_virtual_rank_has_one_owner_and_shares_differ_by_at_most_one(virtual, workers):
    shares = [owned_ranks(virtual, workers, worker) for worker in range(workers)]
    assert [rank for share in shares for rank in share] == list(range(virtual))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_workers_than_virtual_ranks_are_refused():
    with pytest.raises(ValueError, match=r"training\.workers"):
        owned_ranks(2, 3, 0)
