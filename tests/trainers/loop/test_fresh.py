"""Fresh weights, and what the targets are measured on."""

import pytest
import torch

from trainers.loop.fresh import fresh_model, measure_targets
from trainers.models.standardise import masked_statistics

VOCABULARY = 50


def test_targets_are_standardised_by_the_fresh_features_of_every_modality(make_job, make_batches):
    job = make_job(everything=True)
    model, batches = fresh_model(job, VOCABULARY), make_batches(job, sound=True)
    assert model.translator.modalities == ("video", "words", "audio")
    measure_targets(model, batches)
    mel = torch.cat([batch.mel_BFM[batch.heard_B] for batch in batches])
    mean, std = masked_statistics(mel, torch.ones(mel.shape[:2], dtype=torch.bool))
    torch.testing.assert_close(model.translator.standardise["audio"].mean, mean)
    torch.testing.assert_close(model.translator.standardise["audio"].std, std)
    texts = [model.text(batch.tokens_BKL[:, 0]) for batch in batches]
    words = torch.cat([text.words_NLC[text.mask_NL] for text in texts])
    torch.testing.assert_close(model.translator.standardise["words"].mean, words.mean(dim=0))


def test_measuring_moves_no_running_statistics(make_job, make_batches):
    job = make_job()
    model = fresh_model(job, VOCABULARY)
    before = {name: tensor.clone() for name, tensor in model.video.state_dict().items()}
    measure_targets(model, make_batches(job))
    after = model.video.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_sound_that_no_clip_has_cannot_be_translated(make_job, make_batches):
    job = make_job(everything=True)
    batches = make_batches(job, sound=True)
    for batch in batches:
        batch.heard_B[:] = False
    with pytest.raises(ValueError, match="audio must be in some of the first 6 clips"):
        measure_targets(fresh_model(job, VOCABULARY), batches)


def test_the_towers_begin_the_same_with_and_without_a_translator(make_job):
    models = [
        fresh_model(make_job(cyclic=0.0), VOCABULARY),
        fresh_model(make_job(everything=True), VOCABULARY),
    ]
    for name, tensor in models[0].state_dict().items():
        assert torch.equal(tensor, models[1].state_dict()[name]), name
