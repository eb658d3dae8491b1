"""Tests of trainers/fusion/mfas/search.py, draws.py and trace.py."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from trainers.fusion.mfas.draws import draw_progressively, sample, temperature, with_unit
from trainers.fusion.mfas.jobs import Job, Trained, Trainer
from trainers.fusion.mfas.search import rank_correlations, search
from trainers.fusion.mfas.space import Architecture, Unit
from trainers.fusion.mfas.trace import LOG, Step, Trace


def test_what_is_found_reads_the_layers_that_know(whole: Trace) -> None:
    best = whole.best(1)[0]
    read = {(name, unit.layers[i]) for unit in best for i, name in enumerate(("left", "right"))}
    assert {("left", 1), ("right", 0)} <= read
    assert whole.measured()[best] > 0.85


def test_the_first_step_trains_all_single_units_and_later_ones_put_units_at_their_level(
    whole: Trace,
) -> None:
    first, *later = whole.steps
    assert [len(one) for one in first.drawn] == [1] * 12
    assert first.guesses == []
    assert [len(step.drawn) for step in later] == [5, 5, 5]
    assert {len(one) for one in later[0].drawn} == {2}
    for step in later:
        assert len(set(step.drawn)) == len(step.guesses) == 5
    # The second round goes back to level 0, and keeps the unit at level 1.
    kept = {one[1] for one in later[0].drawn}
    assert {one[1] for one in later[1].drawn} <= kept


def test_the_same_seed_finds_the_same_and_another_draws_others(
    trainer: Callable[..., Trainer], whole: Trace
) -> None:
    other = search(trainer(), 4, most_steps=2)
    assert [step.worths for step in other.steps] != [step.worths for step in whole.steps[:2]]
    assert other.steps[1].drawn != whole.steps[1].drawn
    # Jobs may be done in any order, elsewhere.
    again = search(trainer(), 0, jobs=lambda one, jobs: [one(job) for job in jobs[::-1]][::-1])
    assert again.steps == whole.steps
    assert all(torch.equal(again.bank[key], whole.bank[key]) for key in whole.bank)


@pytest.mark.parametrize("kept", [1, 3])
def test_a_search_that_was_cut_off_draws_what_it_would_have_drawn(
    trainer: Callable[..., Trainer], whole: Trace, tmp_path: Path, kept: int
) -> None:
    search(trainer(), 0, tmp_path, most_steps=kept)
    with (tmp_path / LOG).open("a") as file:
        file.write('{"drawn": ["0,0,rel')
    resumed = search(trainer(), 0, tmp_path)
    assert resumed.steps == whole.steps
    assert all(torch.equal(resumed.bank[key], whole.bank[key]) for key in whole.bank)
    again = search(trainer(), 0, tmp_path, jobs=nothing_is_trained)
    assert again.steps == whole.steps


def nothing_is_trained(trainer: Trainer, jobs: Sequence[Job]) -> list[Trained]:
    raise AssertionError("all was trained already")


def test_weights_whose_line_was_never_written_count_for_nothing(
    trainer: Callable[..., Trainer], whole: Trace, tmp_path: Path
) -> None:
    search(trainer(), 0, tmp_path, most_steps=3)
    (tmp_path / "bank-004.safetensors").write_bytes(b"torn")
    assert search(trainer(), 0, tmp_path).steps == whole.steps
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bank-004.safetensors", LOG]
    assert len((tmp_path / LOG).read_text().splitlines()) == 1 + len(whole.steps)


def test_a_log_of_another_search_is_refused(
    trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    search(trainer(), 0, tmp_path, most_steps=1)
    with pytest.raises(ValueError, match="must be of this data, these settings and this seed"):
        search(trainer(), 1, tmp_path)
    with pytest.raises(ValueError, match="must be of this data, these settings and this seed"):
        search(trainer(epochs=2), 0, tmp_path)


def test_random_search_trains_as_many_and_guesses_nothing(
    trainer: Callable[..., Trainer], whole: Trace
) -> None:
    even = search(trainer(search="random"), 0)
    assert even.num_trained == whole.num_trained == 12 + 3 * 5
    assert all(step.guesses == [] for step in even.steps)
    assert {len(one) for one in even.measured()} == {1, 2}
    assert rank_correlations(even) == []


def test_units_that_were_trained_are_trained_on(trainer: Callable[..., Trainer]) -> None:
    one = trainer(epochs=1, lr=0.003)
    architecture = (Unit((1, 0), "relu"),)
    fresh = one(Job(architecture, 0, {}))
    further = one(Job(architecture, 0, fresh.bank))
    assert further.worth > fresh.worth


def test_the_rank_correlation_is_of_guesses_and_measures() -> None:
    units: list[Architecture] = [(Unit((i,), "relu"),) for i in range(4)]
    trace = Trace("")
    trace.add(Step(units, [0.1, 0.2, 0.3, 0.4], []), {})
    trace.add(Step(units, [0.1, 0.2, 0.3, 0.4], [0.2, 0.4, 0.6, 0.9]), {})
    trace.add(Step(units, [0.1, 0.2, 0.3, 0.4], [0.9, 0.4, 0.3, 0.2]), {})
    trace.add(Step(units, [0.1, 0.1, 0.1, 0.1], [0.9, 0.4, 0.3, 0.2]), {})
    assert rank_correlations(trace) == pytest.approx([1, -1, 0])


def test_a_hot_draw_is_nearly_even_and_a_cold_one_takes_the_best(
    trainer: Callable[..., Trainer],
) -> None:
    config = trainer().config
    assert temperature(config, 0) == pytest.approx(9.8 * np.exp(-1 / 16) + 0.2)
    assert temperature(config, 30) == pytest.approx(0.2)
    worth_of: dict[Architecture, float] = {(Unit((i,), "relu"),): 0.5 + 0.1 * i for i in range(5)}
    firsts = [
        [sample(worth_of, 1, heat, np.random.default_rng(i))[0][0].layers[0] for i in range(400)]
        for heat in (10.0, 0.02)
    ]
    assert np.bincount(firsts[0], minlength=5).min() > 50
    assert np.bincount(firsts[1], minlength=5)[4] > 390


def test_a_unit_takes_the_place_of_the_one_at_its_level() -> None:
    a, b, c = (Unit((i,), "relu") for i in range(3))
    assert with_unit((a,), 1, c) == (a, c)
    assert with_unit((a, b), 0, c) == (c, b)


def test_the_next_draw_reads_the_log_alone(trainer: Callable[..., Trainer], whole: Trace) -> None:
    one = trainer()
    read = Trace("", steps=whole.steps[:3])
    drawn, guesses = draw_progressively(one.space, one.config, read, 0)
    assert (drawn, guesses) == (whole.steps[3].drawn, whole.steps[3].guesses)
