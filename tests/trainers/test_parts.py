"""Logs in a bucket: parts on disk, as they are brought, and how they are folded."""

import json

from shards import storage
from shards.paths import StorePath
from trainers import parts
from trainers.lines import PartFollower, read_lines
from trainers.parts import PartLog, cut_line, fold, part_name


def lines(*steps):
    return [{"step": step} for step in steps]


def test_what_comes_after_the_checkpoint_of_a_later_attempt_does_not_count():
    log = [*lines(1, 2, 3), {"cut_back_to": 2}, *lines(3, 4), {"cut_back_to": 1}, *lines(2)]
    kept, lost = fold(log)
    assert kept == lines(1, 2)
    assert [(line["step"], line["from_step"]) for line in lost] == [(3, 2), (2, 1), (3, 1), (4, 1)]


def test_a_full_part_is_followed_by_another_and_none_is_written_over(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_BYTES", 20)
    for _ in range(2):
        log = PartLog(tmp_path / "metrics.jsonl", 3)
        for step in range(4):
            log.write(json.dumps({"step": step}) + "\n")
        log.close()
    found = sorted((tmp_path / "metrics.jsonl").iterdir())
    assert found[0].name == part_name(3, 1) and len(found) == 4
    steps = [json.loads(line)["step"] for path in found for line in path.open()]
    assert steps == [0, 1, 2, 3] * 2


def test_a_log_in_a_bucket_is_read_and_followed_in_the_order_of_its_parts(bucket):
    log = StorePath(f"{bucket}/runs/one/metrics.jsonl")
    follower = PartFollower(log)
    assert follower.new_lines() == []
    second = str(log / part_name(1, 2))
    storage.write_atomic(str(log / part_name(1, 0)), cut_line(0))
    storage.write_atomic(second, b'{"step": 2}\n{"step": 3}\n{"st')
    storage.write_atomic(str(log / part_name(1, 1)), b'{"step": 1}\n')
    assert [*follower.new_lines(), *follower.new_lines()] == lines(1, 2, 3)
    storage.write_atomic(second, b'{"step": 2}\n{"step": 3}\n{"step": 4}\n')
    assert follower.new_lines() == lines(4) and follower.new_lines() == []
    assert fold(read_lines(log))[0] == lines(1, 2, 3, 4)
