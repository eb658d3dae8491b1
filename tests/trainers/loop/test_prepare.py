import shutil

import pytest
import torch

from configs.runs import TrainJob
from trainers.loop import folder
from trainers.loop.prepare import begin_attempt, newest_step, prepare
from trainers.loop.run import load_run
from trainers.loop.worker import train_worker


def train(job):
    train_worker(begin_attempt(prepare(job), 1), 0, 1, torch.device("cpu"))
    return folder.run_folder(job.run)


def test_a_new_run_gets_its_settings_environment_and_tokenizer(make_job):
    import yaml

    job = make_job()
    preparation = prepare(job)
    written = yaml.safe_load((preparation.run_dir / "config.yaml").read_text())
    assert TrainJob.model_validate(written) == preparation.job
    assert (preparation.run_dir / "env.json").exists()
    assert (preparation.run_dir / "tokenizer.model").stat().st_size > 100


def test_fewer_clips_than_a_batch_are_refused_with_both_numbers(make_job):
    with pytest.raises(ValueError, match=r"27 .*training\.global_batch.* 30"):
        prepare(make_job(global_batch=30))


def test_a_run_refuses_other_settings_samples_and_tokenizers(make_job, make_shards):
    job = make_job(steps=2)
    run_dir = train(job)
    assert newest_step(run_dir) == 2
    prepare(job)
    with pytest.raises(ValueError, match=r"training\.lr"):
        prepare(make_job(steps=2, lr=0.9))
    with pytest.raises(ValueError, match="other samples"):
        prepare(make_job(steps=2, shards=make_shards(seed=1)))
    (run_dir / "tokenizer.model").unlink()
    with pytest.raises(ValueError, match=r"tokenizer\.model"):
        prepare(job)


def test_shards_may_move(make_job, shards, tmp_path):
    train(make_job(steps=2))
    shutil.copytree(shards, tmp_path / "moved")
    prepare(make_job(steps=2, shards=tmp_path / "moved"))


def test_a_trained_run_is_read_back_for_evaluation(make_job):
    run_dir = train(make_job(steps=2))
    job, model, tokenizer, step = load_run(run_dir)
    assert step == 2
    assert not model.training
    assert job.model == make_job().model
    tokens = torch.from_numpy(tokenizer.encode(["chop the leek"], 8))
    assert model.text(tokens).embedding_ND.shape == (1, 16)


def test_a_run_without_checkpoints_cannot_be_evaluated(tmp_path):
    with pytest.raises(ValueError, match="checkpoint"):
        load_run(tmp_path)
