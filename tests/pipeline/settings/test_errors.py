from configs.runs import TrainJob
from pipeline.settings.errors import did_you_mean, settings_at, shown


def test_the_settings_below_a_path_are_listed() -> None:
    assert "width" in settings_at(TrainJob, ("model", "video"))
    assert settings_at(TrainJob, ("model", "nothing")) == []
    assert settings_at(TrainJob, ("training", "steps")) == []
    assert settings_at(TrainJob, ("model", "video", "blocks")) == []


def test_a_far_off_word_is_answered_with_the_choices() -> None:
    assert did_you_mean("zzz", ["demo", "local"]) == "; there are demo, local"
    assert did_you_mean("dmeo", ["demo", "local"]) == "; did you mean demo?"


def test_a_long_value_is_cut() -> None:
    assert len(shown("x" * 500)) == 80
