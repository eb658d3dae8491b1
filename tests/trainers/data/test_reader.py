"""Clips with margins through the reader: a window drawn for training, the middle for the rest."""

import numpy as np
import pytest

from shards.clipcodec import encode_audio, encode_raw
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.schema import Sample, Window
from shards.state import begin_build
from shards.write import ShardWriter
from trainers.data.batch import Batch
from trainers.data.corpus import Corpus
from trainers.data.reader import ClipReader, train_texts
from trainers.data.tokenizer import Tokenizer, train_tokenizer

MARGIN = 4


HZ = 16_000


def rising_sound():
    """Return silence for half of the 40 stored frames, then noise."""
    noise_N = np.random.default_rng(0).normal(0, 3000, 4 * HZ).astype(np.int16)
    noise_N[: 2 * HZ] = 0
    return encode_audio(noise_N, HZ)


@pytest.fixture
def reader(tmp_path, make_job):
    return make_reader(tmp_path, make_job)


def make_reader(tmp_path, make_job, **options):
    """A reader over raw clips in which each stored frame shows its own number; odd ones sound."""
    out = str(tmp_path / "margins")
    begin_build(out, replaces=False)
    with ShardWriter(out, "000000", max_bytes=2**30, max_samples=100) as writer:
        for video in range(6):
            frames = np.zeros((32 + 2 * MARGIN, 28, 28, 3), np.uint8)
            frames += np.arange(len(frames), dtype=np.uint8)[:, None, None, None]
            meta = {"video_id": f"v{video}", "t0_s": 1.0, "t1_s": 4.2, "fps": 10, "n": 32}
            meta |= {"enc": "npy", "margin": MARGIN, "src": {"sha256": f"{video:064x}"}}
            window = Window(0, 1.0, 4.0, "cut the onion and stir")
            sound = rising_sound() if video % 2 else None
            writer.add(Sample(meta, encode_raw(frames), window.text, (window,), sound), "train")
        parts = writer.finish()
    planned = {f"v{video}": 1 for video in range(6)}
    commit_bundle(out, BundleRecord("000000", "f", planned, parts, []))
    fold(out, ["000000"])
    corpus = Corpus.load(make_job(shards=out).data)
    tokenizer = Tokenizer(train_tokenizer(train_texts(corpus), 200))
    data = make_job(shards=out).data.model_copy(update={"num_frames": 32, "cache_gib": 0.1})
    return ClipReader(data, corpus, tokenizer, 3, 8, **options)


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


def test_the_sound_is_that_of_the_frames_that_are_shown(tmp_path, make_job):
    listening = make_reader(tmp_path, make_job, with_sound=True)
    assert listening.sound_shape == (8, 40)
    loud = {}
    for seed in [None, *range(40)] * 2:  # the second time from the cache
        example = listening.example(1, seed)
        shift = int(example.frames_THWC[0, 0, 0, 0])
        loud[shift] = int((example.mel_FM.mean(axis=1) > -15).sum())
    # Half of what is stored is silent: 20 frames, of which the shift leaves out the first ones.
    assert loud.keys() == set(range(2 * MARGIN + 1))
    assert all(abs(loud[shift] - (8 - (20 - shift) / 4)) < 1 for shift in loud)
    assert (loud[0], loud[MARGIN], loud[2 * MARGIN]) == (3, 4, 5)


def test_a_clip_without_sound_is_marked_and_nobody_reads_sound_unasked(tmp_path, make_job, reader):
    assert reader.sound_shape is None
    assert reader.example(1, None).mel_FM is None
    listening = make_reader(tmp_path / "again", make_job, with_sound=True)
    batch = Batch.empty((32, 24, 24, 3), (3, 8), 2, pin=False, sound=listening.sound_shape)
    for row in (0, 1):
        batch.put(row, listening.example(row, None))
    assert batch.heard_B.tolist() == [False, True]
    assert not batch.mel_BFM[0].any() and batch.mel_BFM[1].any()


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
