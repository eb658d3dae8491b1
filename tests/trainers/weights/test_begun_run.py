"""A run that begins with weights from elsewhere, trained by a worker in this process."""

import shutil

import numpy as np
import torch

from trainers.data.words import write_words
from trainers.loop.prepare import begin_attempt, prepare
from trainers.loop.run import load_run
from trainers.loop.worker import train_worker
from trainers.models.build import build_model
from trainers.weights.begin import tower_state, write_folder

WORDS = write_words("chop stir fry the a red green leek egg pan now we then slowly".split())


def with_model(job, **changes):
    return job.model_copy(update={"model": job.model.model_copy(update=changes)})


def test_it_begins_with_them_keeps_fixed_words_and_resumes_without_them(make_job, tmp_path):
    job = make_job(cyclic=0.5, checkpoint_every=1, steps=4, lr=1e-3)
    published = {"kind": "words", "pads": "counted", "train_words": False}
    text = job.model.text.model_copy(update=published)
    job = with_model(job, text=text)
    torch.manual_seed(5)
    source = tower_state(build_model(job.model, 15, with_translator=False))
    source = {name: tensor.clone() for name, tensor in source.items()}
    write_folder(tmp_path / "w", source, job.model, WORDS)
    job = with_model(job, weights=str(tmp_path / "w"))

    preparation = prepare(job)
    assert (preparation.run_dir / "tokenizer.model").read_bytes() == WORDS
    (preparation.run_dir / "stop").touch()
    assignment = begin_attempt(preparation, 1)
    (preparation.run_dir / "stop").touch()  # a stop that comes after the first step
    assert train_worker(assignment, 0, 1, torch.device("cpu")) == "stopped"
    _, model, tokenizer, step = load_run(preparation.run_dir)
    assert step == 1 and tokenizer.vocabulary == 15
    state = model.state_dict()
    # Adam moves no number further than its rate: had they been fresh, all would be far away.
    for name, tensor in source.items():
        if not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            assert (state[name] - tensor).abs().max() <= 1e-3, name
    assert not torch.equal(state["video.fc.weight"], source["video.fc.weight"])

    shutil.rmtree(tmp_path / "w")
    again = prepare(job)
    assert train_worker(begin_attempt(again, 1), 0, 1, torch.device("cpu")) == "finished"
    state = load_run(preparation.run_dir)[1].state_dict()
    assert np.array_equal(state["text.word_embd.weight"], source["text.word_embd.weight"])
