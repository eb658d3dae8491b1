"""Embeddings and features of a little frozen run."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from shards.manifest import Manifest
from shards.schema import Window
from trainers.data.corpus import Corpus
from trainers.data.reader import ClipReader
from trainers.evaluation.audio import silent_feature
from trainers.evaluation.clips import Clip, list_clips
from trainers.evaluation.embed import Embedder, Features, _mean_over_bags
from trainers.evaluation.joint import joint_sources
from trainers.evaluation.reading import see
from trainers.loop.run import load_run
from trainers.models.build import build_model


@pytest.fixture(scope="module")
def clips(little) -> list[Clip]:
    return list_clips(Manifest.load(str(little.shards)))


def embedder(little, batch: int = 5) -> Embedder:
    job, model, tokenizer, _ = load_run(little.run_dir)
    return Embedder(job, model, tokenizer, batch, 20)


@pytest.fixture(scope="module")
def translating(little) -> Embedder:
    """Return the little run's towers beside a translator of all three modalities."""
    job, trained, tokenizer, _ = load_run(little.run_dir)
    modalities = ("video", "words", "audio")
    torch.manual_seed(3)
    model = build_model(job.model, tokenizer.vocabulary, True, modalities, job.data.mel_bands)
    model.video, model.text = trained.video, trained.text
    return Embedder(job, model, tokenizer, 5, 20)


def test_the_size_of_a_batch_and_its_neighbours_change_nothing(little, clips: list[Clip]) -> None:
    few, bags = embedder(little, 5).clips(clips[:12])
    all_at_once, _ = embedder(little, 12).clips(clips[:12][::-1])
    for name in ("embedding", "video", "audio", "text"):
        turned = getattr(all_at_once, name)[::-1]
        assert getattr(few, name) == pytest.approx(turned, rel=1e-4, abs=1e-5)
    assert [bag[0].text for bag in bags] == [clip.caption for clip in clips[:12]]


def test_a_clip_is_seen_as_in_validation(little, clips: list[Clip]) -> None:
    job, model, tokenizer, _ = load_run(little.run_dir)
    reader = ClipReader(job.data, Corpus.load(job.data), tokenizer, 1, 8)
    frames = torch.from_numpy(reader.example(3, None).frames_THWC)[None]
    with torch.no_grad():
        expected = model.video(frames)
    features, _ = embedder(little).clips([clips[3]])
    assert features.embedding == pytest.approx(expected.embedding_BD.numpy(), abs=1e-5)
    assert features.video == pytest.approx(expected.feature_BC.numpy(), abs=1e-5)


def test_equal_texts_get_equal_points_wherever_they_stand(little) -> None:
    points = embedder(little, 2).texts(["fry the egg", "stir", "the pot", "fry the egg"])
    assert points.shape == (4, 8)
    assert points[0] == pytest.approx(points[3], abs=1e-6)
    assert not np.allclose(points[0], points[1])


def test_a_clip_without_sound_has_the_feature_of_silence(little, clips: list[Clip]) -> None:
    features, _ = embedder(little).clips(clips[:2])
    assert features.audio[0] == pytest.approx(silent_feature(20))
    assert not np.allclose(features.audio[1], silent_feature(20))


def test_nearer_windows_weigh_more_and_bags_may_differ_in_size() -> None:
    window = Window(0, 0.0, 1.0, "x")
    words_NC = np.array([[6.0], [0.0], [0.0], [5.0]], np.float32)
    means = _mean_over_bags(words_NC, [(window,) * 3, (window,)])
    assert means[:, 0].tolist() == pytest.approx([6 / (1 + 1 / 2 + 1 / 3), 5.0])


def test_a_sample_that_cannot_be_read_is_named(little, clips: list[Clip]) -> None:
    with pytest.raises(ValueError, match=rf"sample {clips[0].key} .*weakvid verify"):
        embedder(little).clips([replace(clips[0], length=512)])


def test_joint_features_of_a_source_are_the_same_bits_whatever_the_others_are(
    translating: Embedder, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = translating.clips(clips[:5])[0].joint
    assert tuple(whole) == ("video", "audio", "text")
    assert all(len(np.unique(rows, axis=0)) > 1 for rows in whole.values())
    changes = {
        "video": {"frames_THWC": np.zeros((4, 32, 32, 3), np.uint8)},
        "audio": {"mel_FM": None},
        "text": {"windows": (Window(0, 0.0, 1.0, "rinse", ()),)},
    }
    for missing, change in changes.items():
        monkeypatch.setattr(
            "trainers.evaluation.embed.see",
            lambda *args, change=change, **options: replace(see(*args, **options), **change),
        )
        without = translating.clips(clips[:5])[0].joint
        assert not np.array_equal(without[missing], whole[missing])
        for name in set(whole) - {missing}:
            assert np.array_equal(without[name], whole[name])


def test_a_clip_without_sound_has_no_joint_features_of_sound(
    translating: Embedder, clips: list[Clip]
) -> None:
    joint = translating.clips(clips[:2])[0].joint
    assert not joint["audio"][0].any() and joint["audio"][1].any()


def test_the_translator_is_given_the_sound_that_validation_gives(little, clips: list[Clip]) -> None:
    job, _, tokenizer, _ = load_run(little.run_dir)
    reader = ClipReader(job.data, Corpus.load(job.data), tokenizer, 1, 8, with_sound=True)
    seen = see(clips[3], job.data, None, with_mel_frames=True)
    assert np.array_equal(seen.mel_FM, reader.example(3, None).mel_FM)


def test_a_run_without_a_translator_has_no_joint_features(little, clips: list[Clip]) -> None:
    assert joint_sources(None) == ()
    assert embedder(little).clips(clips[:2])[0].joint == {}


def test_an_empty_bag_has_zeros() -> None:
    window = Window(0, 0.0, 1.0, "x")
    means = _mean_over_bags(np.array([[6.0]], np.float32), [(), (window,)])
    assert means.tolist() == [[0.0], [6.0]]


def test_who_asks_is_told_of_each_clip_and_a_lost_one_has_no_row(little, clips: list[Clip]) -> None:
    told: dict[str, object] = {}
    broken = replace(clips[1], length=512)
    features, bags = embedder(little).clips(
        [clips[0], broken, clips[2]], lambda clip, seen: told.update({clip.key: seen})
    )
    assert list(told) == [clip.key for clip in clips[:3]]
    assert not told[clips[0].key].heard and told[clips[2].key].heard
    assert "must be readable" in str(told[broken.key])
    expected, _ = embedder(little).clips([clips[0], clips[2]])
    assert np.array_equal(features.embedding, expected.embedding) and len(bags) == 2
    with pytest.raises(ValueError, match="got none of 1"):
        embedder(little).clips([broken], lambda clip, seen: None)


def test_rows_are_taken_in_the_order_given() -> None:
    column = np.arange(3.0)[:, None]
    whole = Features(column, column, column, column, {"video": column + 5})
    taken = whole.take([2, 0])
    assert taken.audio.tolist() == [[2.0], [0.0]]
    assert Features.join([taken, whole]).joint["video"].tolist() == [
        [7.0],
        [5.0],
        [5.0],
        [6.0],
        [7.0],
    ]
