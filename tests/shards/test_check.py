from dataclasses import replace
from pathlib import Path

import pytest

from shards.check import check_part
from shards.write import ShardWriter


@pytest.fixture
def part(tmp_path, make_sample):
    with ShardWriter(str(tmp_path), "000000", max_bytes=2**20, max_samples=9) as writer:
        for index in range(4):
            writer.add(make_sample(t0_s=index), "train")
        return writer.finish()[0]


def problems(part, num_decoded=0):
    return check_part(part.temporary, part, num_decoded=num_decoded)


def test_a_whole_tar_has_no_problems(part):
    assert problems(part, num_decoded=4) == []


def test_every_flipped_byte_is_seen(part):
    path = Path(part.temporary)
    data = path.read_bytes()
    for place in range(0, len(data), 97):
        damaged = bytearray(data)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        assert "damaged" in problems(part)[0]


def test_a_record_that_disagrees_is_seen(part):
    row = part.rows[2]
    for changed in (
        replace(part, num_samples=3),
        replace(part, rows=part.rows[:3]),
        replace(part, rows=[*part.rows[:2], {**row, "offset": 512}, part.rows[3]]),
        replace(part, rows=[*part.rows[:2], {**row, "key": "x"}, part.rows[3]]),
    ):
        assert part.name in problems(changed)[0]


def test_a_clip_with_other_frames_than_it_says_is_seen(tmp_path, make_sample):
    sample = make_sample()
    sample.meta["n"] = 32
    with ShardWriter(str(tmp_path), "000000", max_bytes=2**20, max_samples=9) as writer:
        writer.add(sample, "train")
        part = writer.finish()[0]
    assert problems(part) == []
    assert "must have 32 frames, got 8" in problems(part, num_decoded=1)[0]


def test_audio_that_does_not_decode_is_seen(tmp_path, make_sample):
    with ShardWriter(str(tmp_path), "000000", max_bytes=2**20, max_samples=9) as writer:
        writer.add(replace(make_sample(), audio=b"noise"), "train")
        part = writer.finish()[0]
    assert "audio of 5 bytes" in problems(part, num_decoded=1)[0]


def test_decoding_more_samples_than_there_are_decodes_all(part, monkeypatch):
    decoded = []
    monkeypatch.setattr(
        "shards.check._check_media", lambda path, placed: decoded.append(placed.key) or []
    )
    problems(part, num_decoded=99)
    assert len(decoded) == 4
    decoded.clear()
    problems(part, num_decoded=2)
    assert decoded == [part.rows[0]["key"], part.rows[2]["key"]]
