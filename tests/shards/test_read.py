import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import webdataset

from shards.read import read_placed_samples, read_sample_at, read_samples
from shards.schema import to_members
from shards.write import ShardWriter, sample_span, tar_member

PLAIN_WEBDATASET = """
import sys, webdataset
for sample in webdataset.WebDataset(sys.argv[1], shardshuffle=False):
    print(sample["__key__"], *sorted(k for k in sample if not k.startswith("__")))
"""


@pytest.fixture
def samples(make_sample):
    return [make_sample(t0_s=3.2 * index, audio=index != 1) for index in range(3)]


@pytest.fixture
def shard(tmp_path, samples) -> Path:
    with ShardWriter(str(tmp_path), "000000", max_bytes=2**20, max_samples=9) as writer:
        for sample in samples:
            writer.add(sample, "train")
        return Path(writer.finish()[0].temporary)


def boundaries(data: bytes) -> list[int]:
    """Offsets at which a member begins, and that of the trailer."""
    starts, offset = [], 0
    while any(data[offset : offset + 512]):
        starts.append(offset)
        size = int(data[offset + 124 : offset + 135], 8)
        offset += 512 + -(-size // 512) * 512
    return [*starts, offset]


def test_reading_gives_back_what_was_written(shard, samples):
    assert [sample.key for sample in read_samples(str(shard))] == [s.key for s in samples]
    assert [to_members(sample) for sample in read_samples(str(shard))] == [
        to_members(sample) for sample in samples
    ]


def test_one_sample_is_read_by_its_place(shard, samples):
    places = list(read_placed_samples(str(shard)))
    for placed, sample in zip(reversed(places), reversed(samples), strict=True):
        found = read_sample_at(str(shard), placed.offset, placed.length)
        assert to_members(found) == to_members(sample)


def test_a_place_that_is_not_one_sample_is_refused(shard):
    first, second, last = read_placed_samples(str(shard))
    for offset, length in [
        (first.offset, first.length + second.length),
        (first.offset, first.length - 512),
        (first.offset, first.length - 100),
        (first.offset + 512, first.length),
        (second.offset - 512, second.length),
        (last.offset, last.length + 1024),
        (last.offset, last.length + 10_000),
        (first.offset, 0),
    ]:
        with pytest.raises(ValueError, match=shard.name):
            read_sample_at(str(shard), offset, length)


def test_a_cut_at_any_block_is_an_error(shard):
    data = shard.read_bytes()
    cuts = {*range(0, len(data), 512), *(place + 1 for place in boundaries(data)), len(data) - 1}
    for cut in sorted(cuts):
        shard.write_bytes(data[:cut])
        with pytest.raises(ValueError, match=shard.name):
            list(read_samples(str(shard)))


def test_a_missing_block_or_a_hole_is_an_error_or_seen_in_the_count(shard):
    data = shard.read_bytes()
    for start in boundaries(data):
        shard.write_bytes(data[:start] + data[start + 512 :])
        with pytest.raises(ValueError, match=shard.name):
            list(read_samples(str(shard)))
        shard.write_bytes(data[:start] + bytes(512) + data[start + 512 :])
        if start != boundaries(data)[-1]:
            with pytest.raises(ValueError, match=shard.name):
                list(read_samples(str(shard)))


def test_bytes_behind_the_end_are_an_error(shard):
    data = shard.read_bytes()
    for tail in (b"x", bytes(512), bytes(8192)):
        shard.write_bytes(data + tail)
        with pytest.raises(ValueError, match="1,024 zero bytes"):
            list(read_samples(str(shard)))


def test_each_missing_member_is_named(tmp_path, samples):
    path = tmp_path / "holed.tar"
    whole = [
        (f"{sample.key}.{name}", data)
        for sample in (samples[0], samples[2])
        for name, data in to_members(sample)
    ]
    for left_out, _ in whole:
        kept = [tar_member(*member) for member in whole if member[0] != left_out]
        path.write_bytes(b"".join(kept) + bytes(1024))
        if left_out.endswith(".flac"):
            assert len(list(read_samples(str(path)))) == 2
            continue
        with pytest.raises(ValueError, match=r"holed\.tar.*" + left_out.partition(".")[0]):
            list(read_samples(str(path)))


def test_order_repetition_and_strange_members_are_errors(tmp_path, samples):
    key = samples[0].key
    members = [tar_member(f"{key}.{name}", data) for name, data in to_members(samples[0])]
    other = sample_span(samples[1])
    strange = tar_member(f"{key}.npy", b"x")
    for broken in (
        [members[1], members[0], *members[2:]],
        [*members[:2], *members[1:]],
        [*members, strange],
        [*members[:3], other, *members[3:]],
        [tar_member("a.json", b"{}")],
        [tar_member(f"../{key}.json", b"{}")],
        [part.replace(key.encode(), b"0" * 16 + b"_000000001") for part in members],
    ):
        path = tmp_path / "broken.tar"
        path.write_bytes(b"".join(broken) + bytes(1024))
        with pytest.raises(ValueError, match=r"broken\.tar"):
            list(read_samples(str(path)))


def test_a_link_is_not_followed(tmp_path, samples):
    data = bytearray(sample_span(samples[0]) + bytes(1024))
    data[156] = ord("2")
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512]))
    path = tmp_path / "link.tar"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="plain file"):
        list(read_samples(str(path)))


def test_neither_a_command_nor_an_unknown_store_is_opened():
    for path in ("pipe:touch /tmp/x", "ftp://host/x.tar"):
        with pytest.raises(ValueError, match="must be a file|must lie on this machine"):
            list(read_samples(path))


def test_a_caption_of_any_unicode_survives(tmp_path, make_sample):
    sample = replace(make_sample(), caption="Größe 日本 \N{GRINNING FACE}\n")
    with ShardWriter(str(tmp_path), "000000", max_bytes=2**20, max_samples=9) as writer:
        writer.add(sample, "val")
        path = writer.finish()[0].temporary
    assert [found.caption for found in read_samples(path)] == [sample.caption]


def expected_listing(samples) -> list[str]:
    sound = ["asr.json flac json mp4 txt", "asr.json json mp4 txt", "asr.json flac json mp4 txt"]
    return [f"{sample.key} {names}" for sample, names in zip(samples, sound, strict=True)]


def test_plain_webdataset_reads_a_shard(shard, samples):
    path = shard.rename(shard.with_name("000000-00.tar"))
    rows = webdataset.WebDataset(str(path), shardshuffle=False)
    listing = [
        " ".join([row["__key__"], *sorted(name for name in row if not name.startswith("__"))])
        for row in rows
    ]
    assert listing == expected_listing(samples)


def test_webdataset_reads_a_shard_when_it_may_run_nothing(shard, samples):
    # Without WDS_SECURE webdataset runs what a URL or a pickle tells it to.
    path = shard.rename(shard.with_name("000000-00.tar"))
    run = subprocess.run(
        [sys.executable, "-c", PLAIN_WEBDATASET, str(path)],
        env={"WDS_SECURE": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.splitlines() == expected_listing(samples)
