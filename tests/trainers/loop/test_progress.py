import json
import logging
import time

import pytest

from trainers.loop import progress
from trainers.loop.attempts import append_event
from trainers.loop.progress import Progress


def line(step, wait=0.01):
    values = {"step": step, "train/loss": 1.0 / step, "train/lr": 0.01, "train/clips_per_s": 8.0}
    return json.dumps(values | {"train/data_wait": wait}) + "\n"


@pytest.fixture
def in_a_file(monkeypatch):
    monkeypatch.setattr(progress, "_is_terminal", lambda: False)
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)


@pytest.fixture
def on_a_terminal(monkeypatch):
    monkeypatch.setattr(progress, "_is_terminal", lambda: True)


@pytest.mark.usefixtures("on_a_terminal")
def test_the_bar_follows_the_log_and_its_replacement(tmp_path):
    path = tmp_path / "metrics.jsonl"
    progress = Progress(path, 10)
    progress._look()
    assert progress._bar.n == 0
    path.write_text(line(1) + line(2) + '{"step": 3, "tr')
    progress._look()
    assert progress._bar.n == 2
    with path.open("a") as file:
        file.write('ain/loss": 0.3, "train/lr": 0.01}\n')
    progress._look()
    assert progress._bar.n == 3
    # Resumed from step 1: the log is cut back by a replacement.
    (tmp_path / "new").write_text(line(1) + line(2))
    (tmp_path / "new").rename(path)
    progress._look()
    assert progress._bar.n == 2
    assert "loss 0.500" in progress._bar.postfix


@pytest.mark.usefixtures("in_a_file")
def test_in_a_file_there_are_lines_that_say_how_far_how_well_and_how_long(
    tmp_path, caplog, monkeypatch
):
    path, seconds = tmp_path / "metrics.jsonl", [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    caplog.set_level(logging.INFO)
    progress = Progress(path, 100)
    path.write_text(line(1))
    progress._look()
    seconds[0] = 50.0
    path.write_text(line(1) + line(2) + line(11))
    progress._look()
    assert [record.message for record in caplog.records] == [
        "step 1 of 100: loss 1.000, lr 1.0e-02, 8.0 clips/s, data wait 1 %",
        "step 11 of 100: loss 0.091, lr 1.0e-02, 8.0 clips/s, data wait 1 %, 7:25 min left",
    ]


@pytest.mark.usefixtures("in_a_file")
def test_the_time_before_the_first_new_step_says_nothing_of_the_speed(
    tmp_path, caplog, monkeypatch
):
    path, seconds = tmp_path / "metrics.jsonl", [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    caplog.set_level(logging.INFO)
    progress = Progress(path, 100, done=30)
    for step, second in ((30, 0.0), (31, 500.0), (41, 510.0)):
        seconds[0] = second
        with path.open("a") as file:
            file.write(line(step))
        progress._look()
    assert ["left" in record.message for record in caplog.records] == [False, False, True]
    assert caplog.records[-1].message.endswith("59 s left")


@pytest.mark.usefixtures("in_a_file")
def test_the_last_step_is_told_though_a_line_came_just_before(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 1e9)
    monkeypatch.setattr(progress, "POLL_S", 1e9)
    caplog.set_level(logging.INFO)
    path = tmp_path / "metrics.jsonl"
    with Progress(path, 3) as progress_of_run:
        path.write_text(line(1))
        progress_of_run._last_line_s = time.monotonic()
        progress_of_run._look()
        assert not caplog.records
        path.write_text(line(1) + line(2) + line(3))
        progress_of_run._look()
    assert [record.message[:11] for record in caplog.records] == ["step 3 of 3"]


@pytest.mark.usefixtures("in_a_file")
def test_long_waits_for_data_are_told_once_with_what_helps(tmp_path, caplog):
    path = tmp_path / "metrics.jsonl"
    progress = Progress(path, 500)
    path.write_text("".join(line(step, wait=0.19) for step in range(1, 100)))
    progress._look()
    assert not caplog.records
    with path.open("a") as file:
        file.writelines(line(step, wait=0.4) for step in range(100, 300))
    progress._look()
    (told,) = caplog.records
    assert "data.threads" in told.message and "last 50 steps" in told.message


@pytest.mark.usefixtures("in_a_file")
def test_waits_of_an_earlier_driver_are_not_told_again(tmp_path, caplog):
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(line(step, wait=0.9) for step in range(1, 200)))
    Progress(path, 500, done=199)._look()
    assert not caplog.records


@pytest.mark.usefixtures("in_a_file")
def test_a_skipped_step_is_told_on_the_console(tmp_path, caplog):
    progress = Progress(tmp_path / "metrics.jsonl", 10)
    append_event(tmp_path, 1, "skipped", step=7, reason="loss nan and gradient norm nan", rows=[3])
    progress._look()
    (told,) = caplog.records
    assert told.message == "step 7 was skipped: loss nan and gradient norm nan"


@pytest.mark.usefixtures("in_a_file")
def test_a_slow_worker_is_named_on_the_console_but_not_one_of_an_earlier_driver(tmp_path, caplog):
    event = {"step": 20, "worker": 1, "node": "there", "phase": "data", "ratio": 3.2}
    append_event(tmp_path, 1, "straggler", **event | {"worker": 0})
    progress = Progress(tmp_path / "metrics.jsonl", 10)
    append_event(tmp_path, 2, "straggler", **event)
    progress._look()
    (told,) = caplog.records
    assert told.message.startswith("worker 1 on there is slow: 3.2 times")
