"""R26: the grid's figures are those of one process, whoever is killed, and a cell is done once."""

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from configs.grid import GridConfig, LossesConfig, MethodsConfig
from configs.networks import NetworksConfig
from trainers.comparison import run as run_module
from trainers.comparison.cells import Cell
from trainers.comparison.run import plan, run_grid
from trainers.comparison.summary import summarise
from trainers.tasks.task import Split, Task

METHODS = ("alone", "early", "late_product")


def grid_config(out: Path, **changes) -> GridConfig:
    words = {
        "out": str(out),
        "dropout": (),
        "methods": METHODS,
        "seeds": 2,
        "losses": LossesConfig(corruptions=("noise",), stand_ins=("mean",)),
        "settings": MethodsConfig(networks=NetworksConfig(steps=120, validations=4)),
    }
    return GridConfig(**(words | changes))


@pytest.fixture(scope="module")
def here(made: Task, tmp_path_factory: pytest.TempPathFactory):
    """The grid of one process, and its folder."""
    out = tmp_path_factory.mktemp("grid")
    return run_grid(grid_config(out), {"made": made}), out


def figures(grid) -> dict:
    """All that a cell found but what it took."""
    return {
        cell.name: {key: value for key, value in found.items() if key != "cost"}
        for cell, found in grid.cells.items()
    }


def same(one, other, path: str = "") -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            same(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for place, pair in enumerate(zip(one, other, strict=True)):
            same(*pair, f"{path}/{place}")
    elif isinstance(one, float):
        assert other == pytest.approx(one, abs=1e-6), path
    else:
        assert one == other, path


def test_each_method_has_a_cell_a_seed_and_lone_modalities_one_each(here) -> None:
    grid, out = here
    names = ("alone.left", "alone.right", "early", "late_product")
    assert set(grid.cells) == {Cell("made", name, seed) for name in names for seed in (0, 1)}
    files = (out / "cells").glob("*/made/early/*")
    assert sorted(path.name for path in files) == ["0.json", "1.json"]


def test_fusion_reads_what_either_modality_alone_cannot(here) -> None:
    grid, _ = here
    reached = {cell.method: found["figures"]["accuracy"] for cell, found in grid.cells.items()}
    assert max(reached["alone.left"], reached["alone.right"]) < 0.6 < 0.7 < reached["early"]
    cell = grid.cells[Cell("made", "early", 0)]
    assert cell["missing"]["mean"]["left+right"] == cell["figures"]["accuracy"]
    assert cell["missing"]["mean"]["left"] < 0.6
    assert cell["corrupted"]["left"]["noise"][0] == cell["figures"]["accuracy"]
    assert cell["corrupted"]["left"]["noise"][9] < 0.7


def test_what_is_done_is_not_done_again_and_what_is_gone_comes_back_the_same(
    here, made: Task, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    grid, before = here
    shutil.copytree(before, tmp_path / "grid")
    gone = Cell("made", "early", 1)
    next((tmp_path / "grid" / "cells").glob(f"*/{gone.name}")).unlink()
    measured = []
    measure = run_module.measure_one
    monkeypatch.setattr(
        run_module, "measure_one", lambda *words: measured.append(words[2]) or measure(*words)
    )
    again = run_grid(grid_config(tmp_path / "grid"), {"made": made})
    assert measured == [gone]
    assert figures(again) == figures(grid)


def test_cells_of_other_data_or_settings_are_not_taken_for_ones_own(
    here, made: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, before = here
    shutil.copytree(before, tmp_path / "grid")
    measured = []
    found = grid.cells[Cell("made", "early", 0)]
    monkeypatch.setattr(
        run_module, "measure_one", lambda *words: measured.append(words[2]) or found
    )
    other = grid_config(tmp_path / "grid", losses=LossesConfig(corruptions=(), stand_ins=()))
    run_grid(other, {"made": made})
    fewer = Task("made", made.classes, {**made.splits, "test": made.splits["val"]})
    run_grid(grid_config(tmp_path / "grid"), {"made": fewer})
    assert len(measured) == 2 * len(grid.cells)
    run_grid(grid_config(tmp_path / "grid"), {"made": made})
    assert len(measured) == 2 * len(grid.cells)


def test_a_method_that_fails_is_named_and_the_others_go_on(
    made: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = run_module.fit_method

    def failing(method, *words):
        if method == "late_product":
            raise ValueError("no such luck")
        return fit(method, *words)

    monkeypatch.setattr(run_module, "fit_method", failing)
    config = grid_config(tmp_path, seeds=1, methods=("early", "late_product"))
    grid = run_grid(config, {"made": made})
    assert grid.failed == {Cell("made", "late_product", 0): "ValueError: no such luck"}
    assert set(grid.cells) == {Cell("made", "early", 0)}
    assert summarise(grid, {"made": made})["failed"]


def test_what_does_not_go_together_is_told_not_skipped(made: Task, tmp_path: Path) -> None:
    one = {
        name: Split(split.ids, {"left": split.modalities["left"]}, split.labels)
        for name, split in made.splits.items()
    }
    cells, unfit = plan(grid_config(tmp_path), {"one": Task("one", made.classes, one)})
    assert {cell.method for cell in cells} == {"alone.left"}
    assert unfit == {("one", name): "the task has one modality" for name in METHODS[1:]}


def test_dropout_trains_another_method_on_the_same_test_split(made: Task, tmp_path: Path) -> None:
    config = grid_config(tmp_path, methods=("early",), dropout=("early",), seeds=1)
    grid = run_grid(config, {"made": made})
    plain, dropped = (grid.cells[Cell("made", name, 0)] for name in ("early", "early+dropout"))
    assert plain["figures"] != dropped["figures"]
    assert len(plain["gains"]) == len(dropped["gains"]) == 120


def _workers_of_ours() -> list[int]:
    """Processes that measure cells under a Ray that this process started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if not status.read_bytes().startswith(b"ray::_guarded"):
                continue
            parent = _parent(status.parent)
            if _parent(Path("/proc") / str(parent)) == os.getpid():
                found.append(int(status.parent.name))
        except OSError:
            continue
    return found


def _parent(process: Path) -> int:
    return int((process / "stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.ray
def test_on_ray_the_figures_are_the_same_when_a_worker_is_killed(
    here, made: Task, tmp_path: Path
) -> None:
    ray = pytest.importorskip("ray")
    from trainers.cluster.local_ray import out_of_our_process_group

    killed: list[int] = []
    over = threading.Event()

    def kill_one() -> None:
        while not killed and not over.is_set():
            for process in _workers_of_ours():
                os.kill(process, signal.SIGKILL)
                killed.append(process)
                return
            time.sleep(0.01)

    with out_of_our_process_group():
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    killer = threading.Thread(target=kill_one, daemon=True)
    try:
        killer.start()
        grid = run_grid(grid_config(tmp_path, workers=2, seeds=1), {"made": made})
    finally:
        over.set()
        ray.shutdown()
    killer.join()
    assert killed
    assert grid.failed == {}
    first = {name: found for name, found in figures(here[0]).items() if found["seed"] == 0}
    same(first, figures(grid))
    written = json.loads(next(tmp_path.glob("cells/*/made/early/0.json")).read_text())
    assert written["figures"] == grid.cells[Cell("made", "early", 0)]["figures"]
