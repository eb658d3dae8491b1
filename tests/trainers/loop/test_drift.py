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
    bag = job.objectives.mil_nce.model_copy(update={"form": "ring", "chunk": 8})
    now = changed(now, "objectives", mil_nce=bag)
    assert refuse_drift(job, now, 4) == []


@pytest.mark.parametrize(
    ("part", "update", "said"),
    [
        ("training", {"lr": 0.5}, "training.lr: 0.003 -> 0.5"),
        ("training", {"virtual_ranks": 2}, "training.virtual_ranks: 3 -> 2"),
        ("data", {"flip": False}, "data.flip: True -> False"),
        ("objectives", {"contrastive": "nce"}, "objectives.contrastive: 'mil_nce' -> 'nce'"),
    ],
)
def test_a_setting_that_bends_the_curve_is_refused_by_name(make_job, part, update, said):
    job = make_job()
    with pytest.raises(ValueError, match="other settings") as caught:
        refuse_drift(job, changed(job, part, **update), 4)
    assert said in str(caught.value)


def test_more_steps_are_refused_with_what_the_rate_would_do_and_how_to_extend(make_job):
    job = make_job()
    now = changed(job, "training", steps=60)
    assert drift(job, now, 4) == ["training.steps: 6 -> 60"]
    with pytest.raises(ValueError, match="shape the learning rate") as caught:
        refuse_drift(job, now, 6)
    # At its end the cosine over 6 steps stood at 0.15 of the peak, that over 60 at 0.98.
    assert "step 6 was 0.000439, and the next would have 0.00296" in str(caught.value)
    assert "--training.restarts 6 the steps up to 6 keep theirs" in str(caught.value)


def test_a_schedule_may_change_where_the_steps_that_are_done_keep_their_rates(make_job):
    job = make_job()
    extended = changed(job, "training", steps=60, restarts=(6,))
    assert drift(job, extended, 6) == []
    # Two steps are the warm-up, which does not depend on the end.
    assert drift(job, changed(job, "training", steps=60), 2) == []
    assert drift(job, changed(job, "training", steps=60), 4) == ["training.steps: 6 -> 60"]
    assert drift(extended, job, 6) == []
    assert drift(extended, job, 7) != []


def test_samples_and_code_are_refused_too_each_by_name(make_job):
    job = make_job()
    with pytest.raises(ValueError, match="other samples and other code") as caught:
        refuse_drift(job, job, 4, ["manifest: a -> b"], ["torch: 2.13.0 -> 2.14.0"])
    assert "manifest: a -> b\n  torch: 2.13.0 -> 2.14.0\n" in str(caught.value)


def test_with_override_a_run_goes_on_and_what_differs_is_returned(make_job):
    job = make_job()
    now = changed(changed(job, "training", lr=0.5), "checkpoints", override=True)
    assert refuse_drift(job, now, 4, code=["numpy: 1 -> 2"]) == [
        "training.lr: 0.003 -> 0.5",
        "numpy: 1 -> 2",
    ]


def test_a_whole_group_that_only_looks_at_checkpoints_may_change(make_job):
    job = make_job()
    now = changed(job, "evaluation", every=5)
    assert drift(job, now, 4) == []
