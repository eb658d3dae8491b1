from types import SimpleNamespace

import pytest
import torch

from configs.runs import RunConfig, TrainJob
from configs.training import TrainingConfig
from pipeline import cli
from pipeline.stages import overfit


@pytest.mark.parametrize(("last", "code"), [(0.72, 0), (0.9, 1)])
def test_the_exit_code_says_whether_the_batch_was_learned(monkeypatch, capsys, last, code):
    class Batch:
        rows_B = torch.arange(4)
        mask_BK = torch.ones(4, 5, dtype=torch.bool)

    class Words:
        vocabulary = 7

    monkeypatch.setattr(overfit, "first_batch", lambda job: (Batch(), Words()))
    monkeypatch.setattr(overfit, "overfit", lambda *_: iter([(1, 2.0), (2, last)]))
    assert overfit.run(TrainJob()) == code
    said = capsys.readouterr().out
    assert "one batch of 4 clips" in said
    assert ("learned by heart" in said) == (code == 0)


def test_the_flag_of_train_leads_here(monkeypatch):
    jobs = []
    monkeypatch.setattr(overfit, "run", lambda job: jobs.append(job) or 0)
    words = ["train", "--overfit-one-batch", "--data.shards", "somewhere", "--training.lr", "0.5"]
    assert cli.main(words) == 0
    assert jobs[0].training.lr == 0.5


def test_the_plan_is_about_one_batch_whatever_a_run_of_that_name_has_done(tmp_path, monkeypatch):
    monkeypatch.setattr(overfit.Corpus, "load", lambda config: None)
    monkeypatch.setattr(overfit, "train_order", lambda *_: SimpleNamespace(num_samples=90))
    (tmp_path / "demo" / "checkpoints" / "step-00000002").mkdir(parents=True)
    job = TrainJob(
        run=RunConfig(root=str(tmp_path)), training=TrainingConfig(global_batch=8, virtual_ranks=2)
    )
    text = overfit.plan_text(job)
    assert "4 of 90 train" in text and "at most 200" in text and "million parameters" in text
