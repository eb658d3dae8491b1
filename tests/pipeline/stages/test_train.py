from types import SimpleNamespace

import pytest

from configs.data import DataConfig
from configs.runs import RunConfig, TrainJob
from configs.training import TrainingConfig
from pipeline.stages import train
from trainers.loop.outlook import Outlook


def test_shards_that_are_not_there_are_refused_before_anything_starts(tmp_path):
    job = TrainJob(
        run=RunConfig(root=str(tmp_path / "runs")), data=DataConfig(shards=str(tmp_path / "none"))
    )
    with pytest.raises(ValueError, match="manifest"):
        train.plan_text(job)
    with pytest.raises(ValueError, match="manifest"):
        train.run(job)
    assert not (tmp_path / "runs").exists()


def test_sigterm_while_ray_starts_is_no_failure(tmp_path, monkeypatch):
    def start_ray(*_):
        raise SystemExit(15)

    stopped, job = [], TrainJob(run=RunConfig(root=str(tmp_path)))
    unprepared = SimpleNamespace(job=job, run_dir=tmp_path)
    monkeypatch.setattr(train, "look_ahead", lambda job: unprepared)
    monkeypatch.setattr(train, "prepare", lambda job: unprepared)
    monkeypatch.setattr(train, "write_work", lambda run_dir, job: None)
    monkeypatch.setattr(train, "start_ray", start_ray)
    monkeypatch.setattr(train, "stop_ray", lambda: stopped.append(True))
    assert train.run(job) == 143
    assert stopped


def test_without_workers_the_run_is_trained_here_and_ray_is_not_started(tmp_path, monkeypatch):
    job = TrainJob(
        run=RunConfig(root=str(tmp_path)), training=TrainingConfig(workers=0, virtual_ranks=2)
    )
    groups, steps = [], iter([0, job.training.steps])
    monkeypatch.setattr(train, "look_ahead", lambda job: SimpleNamespace(run_dir=tmp_path))
    monkeypatch.setattr(train, "prepare", lambda job: SimpleNamespace(job=job))
    monkeypatch.setattr(train, "newest_step", lambda run_dir: next(steps))
    monkeypatch.setattr(train, "write_work", lambda run_dir, job: None)
    monkeypatch.setattr(train, "start_ray", lambda *_: pytest.fail("Ray was started"))
    monkeypatch.setattr(train, "train_attempts", lambda *arguments: groups.append(arguments[2]))
    assert train.run(job) == 0
    assert isinstance(groups[0], train.LocalGroup)


def test_the_plan_counts_samples_epochs_and_steps(tmp_path, monkeypatch):
    import pyarrow as pa

    from shards.manifest import Manifest

    splits = ["train"] * 10 + ["val"] * 3 + ["test"]
    table = pa.table({"split": splits, "shard": ["000000-00.tar"] * 14})
    shards = [{"name": "000000-00.tar", "num_samples": 14}]
    totals = {"written": 14}
    manifest = Manifest(str(tmp_path), shards, [], totals, "sha", 1, {"manifest.parquet": table})
    monkeypatch.setattr(Manifest, "load", lambda out: manifest)
    job = TrainJob(
        run=RunConfig(name="plan", root=str(tmp_path)),
        training=TrainingConfig(steps=25, global_batch=4, virtual_ranks=2, workers=2),
    )
    text = train.plan_text(job)
    assert "10 train, 3 val, 1 test" in text
    assert "2 steps of 4 clips" in text
    assert "0 done, 25 to do, 12.5 epochs" in text
    assert "2 workers, 2 virtual ranks of 2 clips" in text
    assert "million parameters" in text
    assert "on each worker" in text
    assert "mixture" not in text
    data = DataConfig(shards="here", mix=("there",), weights=(1.0, 3.0))
    mixed = train.plan_text(job.model_copy(update={"data": data}))
    assert "mixture    1 of here, 3 of there" in mixed
    assert "20 train, 6 val, 2 test" in mixed
    assert not list(tmp_path.iterdir())


def refuse(job):
    raise ValueError("--from must name a checkpoint that exists")


def test_a_run_that_is_refused_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "look_ahead", refuse)
    job = TrainJob(run=RunConfig(root=str(tmp_path / "runs")))
    for asked in (train.plan_text, train.run):
        with pytest.raises(ValueError, match="--from must name"):
            asked(job)
    assert not list(tmp_path.iterdir())


def test_the_plan_says_what_goes_on_otherwise_than_it_began(tmp_path, monkeypatch):
    outlook = Outlook(
        TrainJob(),
        tmp_path,
        SimpleNamespace(rows_of_split=lambda name: range(3)),
        SimpleNamespace(num_samples=90, steps_per_epoch=2, quotas=(4,)),
        SimpleNamespace(step=2),
        None,
        ("training.lr: 0.1 -> 0.5", "torch: 1 -> 2"),
        "the run now has 6 steps",
    )
    monkeypatch.setattr(train, "look_ahead", lambda job: outlook)
    text = train.plan_text(TrainJob(training=TrainingConfig(steps=6)))
    assert "2 done, 4 to do" in text
    assert "schedule   the run now has 6 steps" in text
    assert "override   training.lr: 0.1 -> 0.5\noverride   torch: 1 -> 2" in text
