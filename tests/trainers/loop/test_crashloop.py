from trainers.loop.attempts import read_attempts
from trainers.loop.crashloop import crash_loop, sample_names
from trainers.loop.deaths import Death
from trainers.loop.prepare import prepare


def died(rows, step=8):
    return Death("killed", "worker 1 died: signal 11", 1, step, "data", frozenset(rows))


def test_places_and_common_samples_are_told_and_noted(make_job):
    preparation = prepare(make_job())
    deaths = [died({3, 4, 5}), died({4, 5}, step=9), died({5, 4, 0})]
    text = crash_loop(preparation, 7, 8, deaths)
    names = sample_names(preparation, [4, 5])
    assert len(set(names)) == 2 and all("of video train-" in name for name in names)
    assert "failed 3 times without a checkpoint after step 8" in text
    assert "worker 1 died: signal 11" in text
    assert "attempt 5: worker 1 in step 9, phase data" in text
    assert "attempt 6: worker 1 in step 10, phase data" in text
    assert f"in hand each time: {names[0]}, {names[1]}" in text
    [event] = [e for e in read_attempts(preparation.run_dir) if e["event"] == "crash_loop"]
    assert event["samples"] == names and event["deaths"] == 3


def test_no_common_sample_is_said(make_job):
    text = crash_loop(prepare(make_job()), 2, 0, [died({1}), died({2})])
    assert "a sample is hardly to blame" in text
