import logging
import shutil
from pathlib import Path

import pytest
import torch

from configs.runs import TrainJob
from trainers.loop import folder, goon, verified
from trainers.loop.attempts import read_attempts
from trainers.loop.checkpoint import newest_checkpoint
from trainers.loop.code import code_version
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
    with pytest.raises(ValueError, match=r"other samples(.|\n)*manifest: \w{12} -> \w{12}"):
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


def test_other_code_is_refused_by_file(make_job, monkeypatch):
    job = make_job(steps=2)
    train(job)
    other = {**code_version(), "trainers/loop/step.py": "0" * 12, "torch": "9.9"}
    monkeypatch.setattr(goon, "code_version", lambda: other)
    with pytest.raises(ValueError, match="other code") as caught:
        prepare(job)
    assert "trainers/loop/step.py: " in str(caught.value) and "-> 9.9" in str(caught.value)


def test_an_override_lets_it_go_on_is_logged_and_holds_once(make_job, make_shards):
    run_dir = train(make_job(steps=2))
    now = make_job(steps=4, lr=0.5, shards=make_shards(seed=1))
    preparation = prepare(with_checkpoints(now, override=True))
    assert not preparation.job.checkpoints.override
    train_worker(begin_attempt(preparation, 1), 0, 1, torch.device("cpu"))
    assert newest_step(run_dir) == 4
    [event] = [event for event in read_attempts(run_dir) if event["event"] == "override"]
    assert event["step"] == 2
    keys = [line.partition(":")[0] for line in event["changed"]]
    assert keys == ["training.lr", "training.steps", "manifest"]
    prepare(now)
    with pytest.raises(ValueError, match="other settings"):
        prepare(make_job(steps=2))


def with_checkpoints(job, **update):
    settings = job.checkpoints.model_copy(update=update)
    return job.model_copy(update={"checkpoints": settings})


def test_a_finished_run_is_extended_as_if_it_had_been_planned_so(make_job, tmp_path, caplog):
    planned = make_job(root=tmp_path / "planned", steps=6, restarts=(4,))
    train(make_job(root=tmp_path / "extended", steps=4))
    with pytest.raises(ValueError, match=r"--training\.restarts 4"):
        prepare(make_job(root=tmp_path / "extended", steps=6))
    with caplog.at_level(logging.INFO):
        extended = train(make_job(root=tmp_path / "extended", steps=6, restarts=(4,)))
    assert "now has 6 steps" in caplog.text and "begin anew at 4" in caplog.text
    states = [
        newest_checkpoint(run_dir / folder.CHECKPOINTS).load()["model"]
        for run_dir in (train(planned), extended)
    ]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_the_newest_checkpoint_is_read_once_before_the_workers_start(make_job, monkeypatch):
    job = make_job(steps=2)
    run_dir = train(job)
    read = []
    sha256_of = verified.sha256_of
    monkeypatch.setattr(verified, "_SETTLED_NS", -1)
    monkeypatch.setattr(verified, "sha256_of", lambda path: read.append(path) or sha256_of(path))
    newest_step(run_dir)
    newest_step(run_dir)
    begin_attempt(prepare(job), 1)
    newest_step(run_dir)
    assert sorted(Path(path).name for path in read) == ["job.json", "state.pt"]


def test_a_damaged_checkpoint_is_passed_over_and_the_attempts_log_says_so(make_job, caplog):
    job = make_job(steps=4)
    run_dir = train(job)
    path = run_dir / folder.CHECKPOINTS / "step-00000004" / "state.pt"
    path.write_bytes(path.read_bytes()[:-1])
    assignment = begin_attempt(prepare(job), 1)
    assert assignment.checkpoint.endswith("step-00000002")
    [event] = [event for event in read_attempts(run_dir) if event["event"] == "damaged"]
    assert event["attempt"] == assignment.attempt and str(path) in event["reason"]
    assert str(path) in caplog.text


def test_a_lost_attempts_log_lets_no_number_come_again(make_job):
    preparation = prepare(make_job(steps=2))
    for _ in range(3):
        assignment = begin_attempt(preparation, 1)
    train_worker(assignment, 0, 1, torch.device("cpu"))
    (preparation.run_dir / "attempts.jsonl").write_bytes(b"")
    assert begin_attempt(preparation, 1).attempt == 4
    (preparation.run_dir / "ray" / "attempt-7").mkdir(parents=True)
    (preparation.run_dir / "attempts.jsonl").unlink()
    assert begin_attempt(preparation, 1).attempt == 8
