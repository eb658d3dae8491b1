"""A run's encoders, loaded by the one function that is meant for use elsewhere."""

import numpy as np
import pytest
import torch

from configs.runs import TrainJob
from shards.clipcodec import clip_frames
from shards.manifest import Manifest
from shards.paths import any_path
from shards.read import read_samples
from trainers.data.tokenizer import Tokenizer, train_tokenizer
from trainers.evaluation.clips import list_clips
from trainers.evaluation.embed import Embedder
from trainers.evaluation.encoders import Encoders
from trainers.load import load_encoders
from trainers.loop.checkpoint import save_checkpoint
from trainers.loop.run import load_run
from trainers.models.build import build_model

WORDS = ["chop the leek", "stir the pan slowly", "red egg"]


@pytest.fixture
def run_dir(make_job, tmp_path):
    """A run with a translator, at step 4."""
    job: TrainJob = make_job(cyclic=1.0)
    model_bytes = train_tokenizer(WORDS, 100)
    tokenizer = Tokenizer(model_bytes)
    torch.manual_seed(1)
    model = build_model(job.model, tokenizer.vocabulary, with_translator=True)
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "tokenizer.model").write_bytes(model_bytes)
    state = {
        "step": 4,
        "model": model.state_dict(),
        "manifest_sha256": "m",
        "tokenizer_sha256": tokenizer.sha256,
    }
    save_checkpoint(folder / "checkpoints", state, job.model_dump(mode="json"), 1, lambda: None)
    return folder


def test_a_clip_gets_the_vectors_that_an_evaluation_gives_it(run_dir, shards):
    encoders = load_encoders(run_dir)
    clip = list_clips(Manifest.load(str(shards)))[0]
    sample = next(read_samples(str(shards / clip.shard)))
    vectors = encoders.clips(encoders.prepare(clip_frames(sample))[None])
    job, model, tokenizer, _ = load_run(any_path(str(run_dir)))
    features, _ = Embedder(job, model, tokenizer, 1, 20).clips([clip])
    assert np.array_equal(vectors.embedding_BD, features.embedding)
    assert np.array_equal(vectors.feature_BC, features.video)
    assert np.array_equal(vectors.joint_BJ, features.joint["video"])
    assert vectors.sequence_BSC.mean(axis=1) == pytest.approx(features.video, abs=1e-5)


def test_words_are_encoded_and_the_joint_features_of_all_of_them_averaged(run_dir):
    encoders = load_encoders(str(run_dir), "4")
    vectors = encoders.texts(WORDS)
    assert vectors.embedding_ND.shape == (3, 16) and vectors.joint_NJ.shape == (3, 16)
    alone = encoders.texts(WORDS[2:])
    assert alone.joint_NJ[0] == pytest.approx(vectors.joint_NJ[2], abs=1e-5)
    output = encoders.read(WORDS)
    standardised = encoders.model.translator.standardise["words"](output.words_NLC)
    joint_NLJ = encoders.model.translator.encode(standardised, output.mask_NL, "words")
    count = int(output.mask_NL[2].sum())
    mean = joint_NLJ[2, :count].mean(dim=0).detach().numpy()
    assert vectors.joint_NJ[2] == pytest.approx(mean, abs=1e-5)


def test_sound_is_encoded_only_where_the_run_translates_it(run_dir):
    encoders = load_encoders(run_dir)
    assert encoders.joint_of == ("video", "text")
    with pytest.raises(ValueError, match="directions name audio"):
        encoders.sounds([None])
    job = encoders.job
    modalities = ("video", "words", "audio")
    model = build_model(
        job.model, encoders.tokenizer.vocabulary, True, modalities, job.data.mel_bands
    )
    hearing = Encoders(job, model, encoders.tokenizer)
    samples = np.random.default_rng(0).normal(0, 900, 16000).astype(np.int16)
    joint_BJ = hearing.sounds([None, hearing.mel_frames(samples, 16_000)])
    assert joint_BJ.shape == (2, 16) and not joint_BJ[0].any() and joint_BJ[1].any()


def test_a_step_that_is_not_there_is_refused(run_dir, tmp_path):
    with pytest.raises(ValueError, match="there are 4"):
        load_encoders(run_dir, "9")
    with pytest.raises(ValueError, match="must hold a checkpoint"):
        load_encoders(tmp_path / "nobody")
