import pytest

from trainers.loop.drift import drift, refuse_drift


def changed(job, part, **update):
    settings = getattr(job, part).model_copy(update=update)
    return job.model_copy(update={part: settings})


def test_settings_that_say_how_the_work_is_done_may_change(make_job):
    job = make_job()
    now = changed(job, "training", workers=3, checkpoint_every=9, keep_checkpoints=9, attempts=9)
    now = changed(now, "data", threads=5, read_ahead=5, cache_gib=1.0, shards="/moved")
    now = changed(now, "ray", address="10.0.0.1:6379", cpus=4)
    refuse_drift(job, now)


@pytest.mark.parametrize(
    ("part", "update", "said"),
    [
        ("training", {"lr": 0.5}, "training.lr: 0.003 -> 0.5"),
        ("training", {"virtual_ranks": 2}, "training.virtual_ranks: 3 -> 2"),
        ("data", {"flip": False}, "data.flip: True -> False"),
    ],
)
def test_a_setting_that_bends_the_curve_is_refused_by_name(make_job, part, update, said):
    job = make_job()
    with pytest.raises(ValueError, match="other settings") as caught:
        refuse_drift(job, changed(job, part, **update))
    assert said in str(caught.value)


def test_more_steps_are_refused_with_the_reason(make_job):
    job = make_job()
    now = changed(job, "training", steps=60)
    assert drift(job, now) == ["training.steps: 6 -> 60"]
    with pytest.raises(ValueError, match="shapes the learning rate"):
        refuse_drift(job, now)


def test_a_whole_group_that_only_looks_at_checkpoints_may_change(make_job):
    job = make_job()
    now = changed(job, "evaluation", every=5)
    assert drift(job, now) == []
