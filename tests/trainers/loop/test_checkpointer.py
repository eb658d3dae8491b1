import threading

import pytest
import torch

from configs.checkpoints import CheckpointsConfig
from trainers.loop import checkpointer, folder
from trainers.loop.attempts import StaleAttempt
from trainers.loop.checkpoint import newest_checkpoint
from trainers.loop.checkpointer import Checkpointer, is_due
from trainers.loop.manifests import list_checkpoints


def state_of(step):
    return {
        "model": {"weight": torch.full((50,), float(step))},
        "step": step,
        "manifest_sha256": "m",
        "tokenizer_sha256": "t",
    }


def steps(run_dir):
    paths = list_checkpoints(run_dir / folder.CHECKPOINTS)
    return [int(path.name.removeprefix("step-")) for path in paths]


@pytest.fixture
def make_saver(make_job, tmp_path):
    savers = []

    def make(may_commit=lambda: None, **options):
        savers.append(Checkpointer(tmp_path, make_job(**options), 1, may_commit))
        return savers[-1]

    yield make
    for saver in savers:
        saver.close()


def test_training_goes_on_and_changes_the_weights_while_they_are_written(make_saver, tmp_path):
    goes_on = threading.Event()
    saver = make_saver(may_commit=lambda: goes_on.wait(30) or None)
    state = state_of(1)
    saver.save(1, state, wait=False)
    state["model"]["weight"].zero_()
    assert steps(tmp_path) == []
    goes_on.set()
    saver.close()
    saved = newest_checkpoint(tmp_path / folder.CHECKPOINTS).load()
    assert torch.equal(saved["model"]["weight"], torch.full((50,), 1.0))


def test_one_write_at_most_is_under_way(make_saver, tmp_path):
    writing, most = threading.Semaphore(1), []

    def commit():
        most.append(writing.acquire(blocking=False))
        writing.release()

    saver = make_saver(may_commit=commit)
    for step in (1, 2, 3):
        saver.save(step, state_of(step), wait=False)
    saver.close()
    assert most == [True] * 3
    assert steps(tmp_path) == [1, 2, 3]


def test_a_save_that_is_waited_for_is_committed_when_it_returns(make_saver, tmp_path):
    saver = make_saver()
    saver.save(1, state_of(1), wait=False)
    saver.save(2, state_of(2), wait=True)
    assert steps(tmp_path) == [1, 2]


def test_a_write_that_failed_is_raised_at_the_next_call_and_once(make_saver, monkeypatch):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    saver = make_saver()
    with monkeypatch.context() as patched:
        patched.setattr(checkpointer, "save_checkpoint", fail)
        saver.save(1, state_of(1), wait=False)
        saver._join()
        with pytest.raises(OSError, match="No space"):
            saver.check()
        saver.check()
        saver.save(1, state_of(1), wait=False)
        with pytest.raises(OSError, match="No space"):
            saver.save(2, state_of(2), wait=False)
    saver.save(2, state_of(2), wait=True)


def test_what_the_last_write_failed_with_is_in_the_log(make_saver, monkeypatch, caplog):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpointer, "save_checkpoint", fail)
    saver = make_saver()
    saver.save(1, state_of(1), wait=False)
    saver.close()
    assert "could not be written" in caplog.text and "No space" in caplog.text


def test_a_stale_writer_is_refused_at_the_rename_and_leaves_nothing(make_saver, tmp_path):
    def taken_over():
        raise StaleAttempt("attempt 2 has taken over")

    with pytest.raises(StaleAttempt):
        make_saver(may_commit=taken_over).save(1, state_of(1), wait=True)
    assert not list((tmp_path / folder.CHECKPOINTS).iterdir())


def test_frequent_ones_go_and_those_of_every_so_many_steps_stay(make_job, tmp_path):
    job = make_job(keep_checkpoints=2, checkpoint_every=2, steps=13)
    job = job.model_copy(update={"checkpoints": CheckpointsConfig(keep_every=5)})
    due = [done for done in range(1, 14) if is_due(job, done)]
    assert due == [2, 4, 5, 6, 8, 10, 12, 13]
    saver = Checkpointer(tmp_path, job, 1, lambda: None)
    for done in due:
        saver.save(done, state_of(done), wait=False)
    saver.close()
    assert steps(tmp_path) == [5, 10, 12, 13]
