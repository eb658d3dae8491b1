"""Clips with margins through the reader: a window drawn for training, the middle for the rest."""

import numpy as np
import pytest

from shards.clipcodec import encode_raw
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.schema import Sample, Window
from shards.state import begin_build
from shards.write import ShardWriter
from trainers.data.corpus import Corpus
from trainers.data.reader import ClipReader, train_texts
from trainers.data.tokenizer import Tokenizer, train_tokenizer

MARGIN = 4


@pytest.fixture
def reader(tmp_path, make_job):
    """A reader over raw clips in which each stored frame shows its own number."""
    out = str(tmp_path / "margins")
    begin_build(out, replaces=False)
    with ShardWriter(out, "000000", max_bytes=2**30, max_samples=100) as writer:
        for video in range(6):
            frames = np.zeros((32 + 2 * MARGIN, 28, 28, 3), np.uint8)
            frames += np.arange(len(frames), dtype=np.uint8)[:, None, None, None]
            meta = {"video_id": f"v{video}", "t0_s": 1.0, "t1_s": 4.2, "fps": 10, "n": 32}
            meta |= {"enc": "npy", "margin": MARGIN, "src": {"sha256": f"{video:064x}"}}
            window = Window(0, 1.0, 4.0, "cut the onion and stir")
            writer.add(Sample(meta, encode_raw(frames), window.text, (window,)), "train")
        parts = writer.finish()
    planned = {f"v{video}": 1 for video in range(6)}
    commit_bundle(out, BundleRecord("000000", "f", planned, parts, []))
    fold(out, ["000000"])
    corpus = Corpus.load(make_job(shards=out).data)
    tokenizer = Tokenizer(train_tokenizer(train_texts(corpus), 200))
    data = make_job(shards=out).data.model_copy(update={"num_frames": 32, "cache_gib": 0.1})
    return ClipReader(data, corpus, tokenizer, 3, 8)


def first_frame(reader, row, seed):
    frames = reader.example(row, seed).frames_THWC
    assert np.diff(frames[:, 0, 0, 0].astype(int)).tolist() == [1] * 31
    return int(frames[0, 0, 0, 0])


def test_training_sees_a_window_that_its_seed_draws_between_the_margins(reader):
    starts = [first_frame(reader, 0, seed) for seed in range(60)]
    assert set(starts) == set(range(2 * MARGIN + 1))
    assert starts == [first_frame(reader, 0, seed) for seed in range(60)]


def test_evaluation_sees_the_clip_itself(reader):
    assert {first_frame(reader, row, None) for row in range(6)} == {MARGIN}


def test_a_tokenizer_learns_from_evenly_chosen_clips_where_there_are_very_many(
    make_job, monkeypatch, caplog
):
    corpus = Corpus.load(make_job().data)
    table = corpus.manifests[0].split("train").select(["video_id", "caption"]).to_pylist()
    captions = [row["caption"] for row in table]
    assert len(captions) == 27 and set(train_texts(corpus)) == set(captions)
    monkeypatch.setattr("trainers.data.reader.MOST_TEXTS", 10)
    real = Corpus.batches

    def cut_up(self, *args):
        for rows in real(self, *args):
            yield from (rows.slice(begin, 5) for begin in range(0, rows.num_rows, 5))

    monkeypatch.setattr(Corpus, "batches", cut_up)
    with caplog.at_level("INFO"):
        assert set(train_texts(corpus)) == set(captions[::3])
    assert "one in 3 of 27 clips" in caplog.text
