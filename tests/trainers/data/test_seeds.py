from trainers.data.seeds import derive_seed


def test_seeds_depend_on_every_number_and_its_place():
    seeds = {derive_seed(a, b, c) for a in range(8) for b in range(8) for c in range(8)}
    assert len(seeds) == 512
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_seed_is_the_same_in_every_process():
    assert derive_seed(0, 1, 2) == 4450782424123420391
