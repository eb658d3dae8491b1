"""Checkpoints that are measured while training goes on."""

import shutil
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from configs.runs import TrainJob
from trainers.evaluation import beside
from trainers.evaluation.beside import WAITING, Beside, hold, watch
from trainers.evaluation.record import append_line, read_evaluations

FIGURES = {"eval/t2v_r10": 0.5}


class Run:
    """A run's folder, and measurements that end when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.begun = folder, {}
        (folder / "checkpoints").mkdir(parents=True)

    def commit(self, step: int) -> None:
        path = self.folder / "checkpoints" / f"step-{step:08d}"
        path.mkdir()
        (path / "state.pt").write_text(f"weights of {step}")

    def begin(self, checkpoint: Path) -> Future:
        step = int(checkpoint.name.removeprefix("step-"))
        assert (checkpoint / "state.pt").read_text() == f"weights of {step}"
        return self.begun.setdefault(step, Future())

    def beside(self, every: int, last: int = 100, stopped=lambda: False) -> Beside:
        return Beside(self.folder, every, last, self.begin, stopped)

    def lines(self) -> list[dict]:
        return read_evaluations(self.folder / "evaluations.jsonl", "beside")

    def held(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "evaluation" / WAITING).iterdir())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("trainers.evaluation.beside._POLL_S", 0.01)
    return Run(tmp_path / "run")


def wait_for(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never came")


def test_the_next_checkpoint_of_each_interval_is_measured_and_the_last(run: Run) -> None:
    with run.beside(every=20, last=50):
        for step in (10, 20, 30, 50):
            run.commit(step)
            if step in (20, 50):
                wait_for(lambda step=step: step in run.begun)
                run.begun[step].set_result(FIGURES)
                wait_for(lambda step=step: run.lines() and run.lines()[-1]["step"] == step)
    assert [line["step"] for line in run.lines()] == [20, 50]
    assert run.lines()[0] == {"step": 20, "by": "beside", **FIGURES}
    assert run.held() == []


def test_one_is_measured_at_a_time_and_a_later_one_takes_the_place_of_one_that_waits(
    run: Run,
) -> None:
    with run.beside(every=10, stopped=lambda: True):
        run.commit(10)
        wait_for(lambda: 10 in run.begun)
        for step in (20, 30):
            run.commit(step)
            wait_for(lambda step=step: f"step-{step:08d}" in run.held())
        wait_for(lambda: [line["step"] for line in run.lines()] == [20])
        assert "later checkpoint" in run.lines()[0]["skipped"]
        assert list(run.begun) == [10]
        run.begun[10].set_result(FIGURES)
        wait_for(lambda: 30 in run.begun)


def test_a_checkpoint_stays_though_training_prunes_it(run: Run) -> None:
    with run.beside(every=10, stopped=lambda: True):
        run.commit(10)
        wait_for(lambda: 10 in run.begun)
        shutil.rmtree(run.folder / "checkpoints" / "step-00000010")
        held = run.folder / "evaluation" / WAITING / "step-00000010" / "state.pt"
        assert held.read_text() == "weights of 10"


def test_a_measurement_that_fails_is_a_line_and_the_next_one_goes_on(run: Run) -> None:
    with run.beside(every=10, last=20):
        run.commit(10)
        wait_for(lambda: 10 in run.begun)
        run.begun[10].set_exception(ValueError("trace\nno such split"))
        run.commit(20)
        wait_for(lambda: 20 in run.begun)
        run.begun[20].set_result(FIGURES)
    assert run.lines()[0]["skipped"] == "no such split"
    assert run.lines()[1]["eval/t2v_r10"] == 0.5


def test_what_was_under_way_when_the_driver_died_is_measured_by_the_next(run: Run) -> None:
    append_line(run.folder / "evaluations.jsonl", "beside", 10, FIGURES)
    run.commit(10)
    run.commit(20)
    waiting = run.folder / "evaluation" / WAITING
    waiting.mkdir(parents=True)
    hold(run.folder / "checkpoints" / "step-00000020", waiting)
    with run.beside(every=10, last=20):
        wait_for(lambda: 20 in run.begun)
        run.begun[20].set_result(FIGURES)
    assert [line["step"] for line in run.lines()] == [10, 20]
    assert list(run.begun) == [20]


def test_a_finished_run_waits_for_its_last_measurement_unless_it_is_to_stop(run: Run) -> None:
    stopped = []
    with run.beside(every=10, last=10, stopped=lambda: bool(stopped)):
        run.commit(10)
        wait_for(lambda: 10 in run.begun)
        stopped.append(True)
    assert run.lines() == []
    assert run.held() == ["step-00000010"]
    with run.beside(every=10, last=10):
        run.begun[10].set_result(FIGURES)
    assert [line["step"] for line in run.lines()] == [10]


def test_a_training_that_fails_is_not_held_up(run: Run) -> None:
    run.commit(10)
    beside = run.beside(every=10, last=10)
    with pytest.raises(RuntimeError, match="died"), beside:
        raise RuntimeError("the workers died")
    assert run.lines() == []


def test_a_file_system_without_links_gets_copies(run: Run, monkeypatch, tmp_path: Path) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refuse)
    run.commit(10)
    (tmp_path / "w").mkdir()
    hold(run.folder / "checkpoints" / "step-00000010", tmp_path / "w")
    assert (tmp_path / "w" / "step-00000010" / "state.pt").read_text() == "weights of 10"


def test_settings_say_how_often_and_none_means_never(run: Run, monkeypatch) -> None:
    monkeypatch.setattr(beside, "measure_on_ray", lambda *_: run.begin)
    with watch(TrainJob(), run.folder, lambda: False):
        run.commit(10)
    assert not (run.folder / "evaluation").exists()
    job = TrainJob.model_validate({"training": {"steps": 10}, "evaluation": {"every": 10}})
    run.begun[10] = Future()
    run.begun[10].set_result(FIGURES)
    with watch(job, run.folder, lambda: False):
        pass
    assert [line["step"] for line in run.lines()] == [10]
