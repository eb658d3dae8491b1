"""Shards on this machine and in a bucket, against a real S3 server on loopback."""

import itertools
from pathlib import Path

import pytest

from shards import storage
from shards.machine import DamagedShard
from trainers.data.corpus import Corpus
from trainers.data.loader import Loader
from trainers.data.mixture import train_order
from trainers.data.reader import ClipReader, train_texts
from trainers.data.shelf import Shelf
from trainers.data.tokenizer import Tokenizer, train_tokenizer


@pytest.fixture
def data(make_job, tmp_path):
    return make_job().data.model_copy(update={"copies": str(tmp_path / "machine")})


@pytest.fixture
def remote(data, bucket):
    """The same shards in a bucket."""
    for path in Path(data.shards).rglob("*"):
        if path.is_file():
            name = path.relative_to(data.shards)
            storage.write_atomic(f"{bucket}/shards/{name}", path.read_bytes())
    return data.model_copy(update={"shards": f"{bucket}/shards"})


@pytest.fixture
def requests(monkeypatch):
    """Paths that were read by range, and that were downloaded whole."""
    asked = {"read_range": [], "download": []}
    for name, paths in asked.items():
        real = getattr(storage, name)

        def noted(path, *args, real=real, paths=paths):
            paths.append(path)
            return real(path, *args)

        monkeypatch.setattr(storage, name, noted)
    return asked


def read_all(config):
    corpus = Corpus.load(config)
    shelf, places = Shelf(config, corpus), corpus.places()
    return [
        shelf.read(int(places.shard_N[row]), int(places.offset_N[row]), int(places.length_N[row]))
        for row in range(corpus.num_samples)
    ]


def room(config, num_shards):
    """GiB for so many of the largest shards."""
    sizes = [shard["bytes"] for shard in Corpus.load(config).manifests[0].shards]
    return num_shards * max(sizes) / 2**30


def test_a_bucket_gives_the_samples_of_the_folder_by_range_and_by_copies(data, remote, requests):
    local = read_all(data)
    assert read_all(remote) == local
    assert requests["download"] == []
    whole = remote.model_copy(update={"copies_gib": 1.0})
    assert read_all(whole) == local
    num_shards = Corpus.load(data).num_shards
    assert len(requests["download"]) == num_shards
    read_all(whole)
    assert len(requests["download"]) == num_shards, "copies outlive the process that made them"


def test_copies_that_had_to_make_room_are_fetched_again(data, remote, requests):
    options = {"copies_gib": room(remote, 1) * 1.01, "shards_per_block": 1}
    config = remote.model_copy(update=options)
    assert read_all(config) == read_all(data)
    corpus = Corpus.load(config)
    shelf, places = Shelf(config, corpus), corpus.places()
    last = corpus.num_samples - 1
    for row in (0, last, 0):
        where = (places.shard_N, places.offset_N, places.length_N)
        assert shelf.read(*(int(column[row]) for column in where)).key
    held = [path.stat().st_size for path in Path(config.copies).glob("*/copies/*")]
    assert sum(held) <= config.copies_gib * 2**30
    assert len(requests["download"]) > corpus.num_shards


def test_room_for_less_than_a_block_is_refused(remote):
    config = remote.model_copy(update={"copies_gib": room(remote, 2), "shards_per_block": 3})
    with pytest.raises(ValueError, match=r"data\.copies_gib must hold at least the shards of a bl"):
        Shelf(config, Corpus.load(config))


@pytest.mark.parametrize("copies_gib", [0.0, 1.0])
def test_a_remote_shard_of_another_size_or_that_is_missing_is_damaged(remote, copies_gib):
    config = remote.model_copy(update={"copies_gib": copies_gib})
    corpus = Corpus.load(config)
    cut, gone = corpus.shard(0), corpus.shard(1)
    storage.write_atomic(cut.path, storage.read_bytes(cut.path)[:-512])
    storage.delete(gone.path)
    shelf = Shelf(config, corpus)
    for _ in range(2):
        with pytest.raises(DamagedShard, match=f"must have {cut.bytes} bytes, got"):
            shelf.prepare(0)
        with pytest.raises(DamagedShard, match="is missing"):
            shelf.prepare(1)
    assert shelf.prepare(2)


def test_a_local_shard_that_is_missing_is_damaged_however_it_is_checked(make_shards, make_job):
    out = make_shards()
    data = make_job(shards=out).data
    for checked in (True, False):
        config = data.model_copy(update={"check_shards": checked})
        corpus = Corpus.load(config)
        shelf = Shelf(config, corpus)
        Path(corpus.shard(0).path).unlink(missing_ok=True)
        with pytest.raises(DamagedShard, match="is missing"):
            shelf.prepare(0)


def test_a_damaged_local_shard_is_hashed_once_for_all_of_its_samples(
    make_shards, make_job, monkeypatch
):
    config = make_job(shards=make_shards()).data
    corpus = Corpus.load(config)
    path = Path(corpus.shard(0).path)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    hashed = []
    real = storage.sha256_of
    monkeypatch.setattr(storage, "sha256_of", lambda path: hashed.append(path) or real(path))
    shelf = Shelf(config, corpus)
    for _ in range(3):
        with pytest.raises(DamagedShard, match="must have SHA-256"):
            shelf.read(0, 0, 512)
    assert hashed == [str(path)]


def test_training_from_a_bucket_has_the_batches_of_training_from_the_folder(make_job, data, remote):
    job = make_job()

    def batches(config):
        corpus = Corpus.load(config)
        tokenizer = Tokenizer(train_tokenizer(train_texts(corpus), 200))
        reader = ClipReader(config, corpus, tokenizer, 3, 8)
        order = train_order(job.model_copy(update={"data": config}), corpus)
        loader = Loader(reader, order, 0, config)
        frames = [b.frames_BTHWC for b in loader.batches(itertools.product(range(4), range(3)), 3)]
        loader.close()
        return frames

    tiny = {"copies_gib": room(remote, 3), "shards_per_block": 1, "shards_ahead": 2}
    apart = {"shards_per_block": 1}
    local = batches(data.model_copy(update=apart))
    for config in (remote.model_copy(update=apart), remote.model_copy(update=tiny)):
        assert all((one == other).all() for one, other in zip(local, batches(config), strict=True))
