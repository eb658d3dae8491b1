import json

import torch

from trainers.loop.profiling import FOLDER, Profiler


def test_the_wanted_steps_are_in_the_trace_and_operators_in_the_table(tmp_path):
    profiler = Profiler(2, tmp_path, 3, 1)
    for _ in range(8):
        torch.ones(4, 4) @ torch.ones(4, 4)
        profiler.step()
    profiler.close()
    trace = json.loads((tmp_path / FOLDER / "attempt-3-worker-1.json").read_text())
    products = [event for event in trace["traceEvents"] if event.get("name") == "aten::mm"]
    assert len(products) == 2
    assert "aten::mm" in (tmp_path / FOLDER / "attempt-3-worker-1.txt").read_text()


def test_a_run_that_ends_early_leaves_what_there_is(tmp_path):
    profiler = Profiler(100, tmp_path, 1, 0)
    for _ in range(5):
        torch.ones(4, 4) @ torch.ones(4, 4)
        profiler.step()
    profiler.close()
    assert (tmp_path / FOLDER / "attempt-1-worker-0.json").exists()


def test_nothing_is_written_unless_wanted(tmp_path):
    profiler = Profiler(0, tmp_path, 1, 0)
    profiler.step()
    profiler.close()
    assert not list(tmp_path.iterdir())
