import numpy as np
import pytest

from configs.data import DataConfig
from shards.manifest import Manifest
from shards.read import read_sample_at
from trainers.data.corpus import Corpus, video_number


@pytest.fixture
def two(shards, make_shards):
    """Two folders as one corpus."""
    other = make_shards(num_train=4, num_val=2, clips=2, seed=7)
    return Corpus.load(DataConfig(shards=str(shards), mix=(str(other),)))


def test_one_folder_has_the_rows_and_the_identity_of_its_manifest(shards):
    manifest, corpus = Manifest.load(str(shards)), Corpus.load(DataConfig(shards=str(shards)))
    assert corpus.sha256 == manifest.sha256
    assert corpus.num_samples == manifest.num_samples
    assert corpus.rows_of_split("val").tolist() == manifest.rows_of_split("val").tolist()
    assert corpus.shard_of_row().tolist() == manifest.shard_of_row().tolist()


def test_rows_of_a_second_folder_follow_those_of_the_first(two):
    first, second = two.manifests
    assert two.num_samples == first.num_samples + second.num_samples
    assert two.rows_of(1, "train").tolist() == [
        row + first.num_samples for row in second.rows_of_split("train")
    ]
    assert np.array_equal(
        two.rows_of_split("val"), np.concatenate([two.rows_of(0, "val"), two.rows_of(1, "val")])
    )
    assert sum(rows.num_rows for rows in two.batches(["key"])) == two.num_samples


def test_each_row_names_its_own_sample(two):
    places = two.places()
    tables = [manifest.samples.to_pylist() for manifest in two.manifests]
    for row, wanted in enumerate(tables[0] + tables[1]):
        assert two.row(row, ["key"])["key"] == wanted["key"]
        shard = two.shard(int(places.shard_N[row]))
        sample = read_sample_at(shard.path, int(places.offset_N[row]), int(places.length_N[row]))
        assert sample.key == wanted["key"]
        assert places.video_N[row] == video_number(wanted["video_id"])
    assert np.array_equal(two.video_of_row(), places.video_N)
    assert places.shard_N.max() == two.num_shards - 1


def test_a_place_takes_24_bytes(two):
    assert sum(array.nbytes for array in two.places()) == 24 * two.num_samples


def test_folders_and_their_order_are_part_of_the_identity(two):
    first, second = two.manifests
    hashes = {two.sha256, Corpus([first]).sha256, Corpus([second, first]).sha256}
    assert len(hashes) == 3


def test_a_folder_that_is_named_twice_is_refused(shards):
    config = DataConfig(shards=str(shards), mix=(str(shards),))
    with pytest.raises(ValueError, match=r"data\.mix must name each folder once"):
        Corpus.load(config)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 2.0, 3.0), (1.0, 0.0)])
def test_weights_that_do_not_fit_the_folders_are_refused(weights):
    with pytest.raises(ValueError, match=r"data\.weights must"):
        DataConfig(shards="a", mix=("b",), weights=weights)
