"""Logs of one JSON object a line, torn where a writer was killed."""

from trainers.loop.lines import read_lines


def test_a_torn_line_is_passed_over_and_the_others_keep_their_order(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n{"st\n{"step": 2}\n{"step": 3')
    assert read_lines(path) == [{"step": 1}, {"step": 2}]


def test_a_log_that_was_never_begun_is_empty(tmp_path):
    assert read_lines(tmp_path / "log.jsonl") == []
