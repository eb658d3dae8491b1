import pytest

from configs.tracking import TrackingConfig


def test_an_address_with_a_password_is_refused_and_not_repeated():
    with pytest.raises(ValueError, match="MLFLOW_TRACKING_PASSWORD") as refused:
        TrackingConfig(mlflow="https://me:sesame@mlflow.example:5000/")
    assert "sesame" not in str(refused.value.errors()[0]["msg"])


def test_trackers_that_need_an_extra_are_off_by_default():
    config = TrackingConfig()
    assert (config.wandb, config.mlflow) == ("off", "")
    assert TrackingConfig(mlflow="sqlite:////tmp/a@b.db").mlflow
