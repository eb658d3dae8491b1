import json

from trainers.loop.metrics import MetricsLog, cut_back, read_metrics, without_timings


def write(path, steps):
    log = MetricsLog(path)
    for step in steps:
        log.write(step, {"train/loss": step / 3, "train/lr": 0.1})
    log.close()


def test_floats_keep_every_digit(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, [1, 2])
    assert [line["train/loss"] for line in read_metrics(path)] == [1 / 3, 2 / 3]


def test_a_log_is_cut_back_to_the_checkpoint_and_says_what_is_lost(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, range(1, 8))
    assert cut_back(path, 4) == [5, 6, 7]
    write(path, range(5, 8))
    assert [line["step"] for line in read_metrics(path)] == list(range(1, 8))
    kept = read_metrics(tmp_path / "lost.jsonl")
    assert [(line["step"], line["from_step"]) for line in kept] == [(5, 4), (6, 4), (7, 4)]
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.jsonl", "lost.jsonl"}


def test_a_torn_last_line_is_repaired(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, [1, 2])
    with path.open("a") as file:
        file.write('{"step": 3, "train/lo')
    assert cut_back(path, 2) == []
    write(path, [3])
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_lines_of_validation_are_not_counted_as_lost_steps(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, [1, 2])
    log = MetricsLog(path)
    log.write(2, {"val/loss": 1.0})
    log.close()
    assert cut_back(path, 1) == [2]


def test_a_stale_writer_cannot_add_to_a_log_that_was_cut_back(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, [1, 2])
    stale = MetricsLog(path)
    assert cut_back(path, 2) == []
    stale.write(3, {"train/loss": 7.0})
    stale.close()
    assert [line["step"] for line in read_metrics(path)] == [1, 2]


def test_without_a_log_nothing_is_lost(tmp_path):
    assert cut_back(tmp_path / "metrics.jsonl", 0) == []


def test_what_equal_runs_have_equal_is_told_from_what_the_machine_did():
    line = {"step": 3, "train/loss": 1.0, "train/step_s": 0.2, "time/wait_s": 0.1}
    assert without_timings([line | {"memory/rss_bytes": 5.0}]) == [{"step": 3, "train/loss": 1.0}]
