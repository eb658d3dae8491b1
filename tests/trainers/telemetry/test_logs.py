import json
import logging

from configs.operating import OperatingConfig
from trainers.telemetry.here import at, here
from trainers.telemetry.logs import JsonLines, log_handlers


def record(message, *args, **more):
    return logging.LogRecord("a.b", logging.WARNING, "", 0, message, args, **more)


def test_a_line_is_an_object_that_knows_run_node_bundle_and_video():
    with at(run="real", node="n1", bundle="000003"), at(video="eggs"):
        line = json.loads(JsonLines().format(record("%s is odd", "x", exc_info=None)))
    assert line["message"] == "x is odd" and line["level"] == "WARNING"
    assert (line["run"], line["node"], line["bundle"], line["video"]) == (
        *("real", "n1", "000003"),
        "eggs",
    )
    assert line["time"].endswith("+00:00") and line["pid"] and line["host"]


def test_what_held_before_comes_back():
    with at(bundle="1"):
        with at(bundle="2", video="v"):
            assert here()["bundle"] == "2"
        assert here()["bundle"] == "1" and "video" not in here()
    assert "bundle" not in here()


def test_a_title_can_neither_break_nor_fake_a_line():
    text = JsonLines().format(
        record("%s", 'a\n{"level": "INFO"}\x1b[2J\u2028\ud800', exc_info=None)
    )
    assert text.isascii() and "\n" not in text and "\x1b" not in text
    assert json.loads(text)["level"] == "WARNING"


def test_an_error_brings_its_traceback():
    try:
        raise ValueError("why")
    except ValueError as error:
        one = record("failed", exc_info=(ValueError, error, error.__traceback__))
    assert "ValueError: why" in json.loads(JsonLines().format(one))["traceback"]


def test_a_folder_of_logs_gets_json_beside_plain_lines(tmp_path):
    text = logging.StreamHandler()
    config = OperatingConfig(log_folder=str(tmp_path / "logs"))
    handlers = log_handlers(config, "build", text)
    assert handlers[0] is text and not isinstance(text.formatter, JsonLines)
    handlers[1].emit(record("hello", exc_info=None))
    handlers[1].close()
    (file,) = (tmp_path / "logs").glob("build-*.jsonl")
    assert json.loads(file.read_text())["message"] == "hello"


def test_a_folder_that_cannot_be_written_costs_a_word_and_no_work(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    config = OperatingConfig(log_folder=str(tmp_path / "file" / "logs"), log_format="json")
    (only,) = log_handlers(config, "driver", logging.StreamHandler())
    assert isinstance(only.formatter, JsonLines)
    assert "operating.log_folder" in capsys.readouterr().err
