"""Logs of one JSON object a line, torn where a writer was killed."""

from trainers import lines
from trainers.lines import LineFollower, open_log, read_lines


def test_a_torn_line_is_passed_over_and_the_others_keep_their_order(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n{"st\n{"step": 2}\n{"step": 3')
    assert read_lines(path) == [{"step": 1}, {"step": 2}]


def test_a_log_that_was_never_begun_is_empty(tmp_path):
    assert read_lines(tmp_path / "log.jsonl") == []


def test_a_follower_reads_what_is_added_once_and_a_torn_line_when_it_is_whole(tmp_path):
    path = tmp_path / "log.jsonl"
    follower = LineFollower(path)
    assert follower.new_lines() == []
    path.write_bytes(b'{"step": 1}\n{"st')
    assert follower.new_lines() == [{"step": 1}]
    with path.open("ab") as file:
        file.write(b'ep": 2}\n{"step": 3}\n')
    assert follower.new_lines() == [{"step": 2}, {"step": 3}]
    assert follower.new_lines() == []


def test_a_follower_begins_again_where_the_log_was_replaced(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2}\n')
    follower = LineFollower(path)
    assert len(follower.new_lines()) == 2
    (tmp_path / "new").write_bytes(b'{"step": 1}\n')
    (tmp_path / "new").rename(path)
    assert follower.new_lines() == [{"step": 1}]


def test_a_long_log_is_followed_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "_CHUNK_BYTES", 40)
    path = tmp_path / "log.jsonl"
    path.write_text("".join(f'{{"step": {step}}}\n' for step in range(20)))
    follower, found = LineFollower(path), []
    while some := follower.new_lines():
        assert len(some) < 5
        found += some
    assert [line["step"] for line in found] == list(range(20))


def test_a_line_torn_by_a_crash_does_not_swallow_the_next(tmp_path):
    path = tmp_path / "log.jsonl"
    for torn in ('{"step": 1}\n{"st', "", '{"step": 4'):
        with path.open("a") as file:
            file.write(torn)
        with open_log(path) as file:
            file.write('{"step": 2}\n')
    assert [line["step"] for line in read_lines(path)] == [1, 2, 2, 2]
