import numpy as np
import pytest
import torch

from trainers.data.batch import Batch
from trainers.data.corpus import Corpus
from trainers.data.reader import ClipReader, train_texts
from trainers.data.tokenizer import Tokenizer, train_tokenizer
from trainers.loop.fresh import fresh_model
from trainers.loop.objectives import Objectives
from trainers.loop.validate import Validation


def make(job):
    corpus = Corpus.load(job.data)
    tokenizer = Tokenizer(train_tokenizer(train_texts(corpus), 200))
    reader = ClipReader(job.data, corpus, tokenizer, 3, 8)
    objectives = Objectives(job.objectives, fresh_model(job, tokenizer.vocabulary))
    return reader, objectives, corpus.rows_of_split("val")


def read_one_by_one(reader, rows):
    batch = Batch.empty(reader.clip_shape, reader.bag_shape, len(rows), pin=False)
    for place, row in enumerate(rows):
        batch.put(place, reader.example(int(row), None))
    return batch


def test_figures_are_exact_over_the_split_and_leave_no_trace(make_job):
    job = make_job()
    reader, objectives, rows = make(job)
    assert len(rows) == 9
    before = {name: tensor.clone() for name, tensor in objectives.state_dict().items()}
    validation = Validation(job, objectives, reader, rows, range(3))
    figures = validation.run(torch.device("cpu"))
    assert validation.run(torch.device("cpu")) == figures
    assert objectives.training
    for name, tensor in objectives.state_dict().items():
        assert torch.equal(tensor, before[name])

    objectives.eval()
    with torch.no_grad():
        # A batch of six clips, then one of the three that are left.
        losses, outputs = [], []
        for part in (rows[:6], rows[6:]):
            batch = read_one_by_one(reader, part)
            outputs.append(objectives(batch))
            losses += objectives.mil_nce_per_clip(
                outputs[-1].video_BD, outputs[-1].text_BKD, [batch]
            ).tolist()
    assert figures["val/mil_nce"] == pytest.approx(np.mean(losses), rel=1e-5)
    error, other = (output.cyclic.directions["video->words"].error for output in outputs)
    error += other
    assert figures["val/cyclic_relative_error"] == pytest.approx(error.relative, rel=1e-5)
    total = figures["val/mil_nce"] + figures["val/cyclic"]
    assert figures["val/loss"] == pytest.approx(total, rel=1e-6)


def test_no_clips_no_figures(make_job):
    job = make_job()
    reader, objectives, _ = make(job)
    validation = Validation(job, objectives, reader, np.empty(0, np.int64), range(3))
    assert validation.run(torch.device("cpu")) == {}
