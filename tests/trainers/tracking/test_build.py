import importlib.util

import pytest

from configs.tracking import TrackingConfig
from trainers.tracking.build import begin_trackers, identity_of, refuse_missing_extras


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (TrackingConfig(wandb="offline"), "tracking.wandb .* 'weakvid.wandb.'"),
        (TrackingConfig(mlflow="http://127.0.0.1:1"), "tracking.mlflow .* 'weakvid.mlflow.'"),
    ],
)
def test_a_tracker_that_is_not_installed_is_refused_with_what_to_type(monkeypatch, config, named):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=named):
        refuse_missing_extras(config)


def test_nothing_is_needed_or_begun_by_default(make_job, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    refuse_missing_extras(TrackingConfig())
    assert begin_trackers(make_job(), [tmp_path / "metrics.jsonl"], tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_a_run_is_known_by_the_same_id_for_ever(tmp_path):
    assert identity_of(tmp_path) == identity_of(tmp_path)
    assert len(identity_of(tmp_path)) == 16
