import pytest
from pydantic import ValidationError

from configs.clips import ClipsConfig
from configs.runs import AsrJob, EvaluateJob, ReportJob, RunConfig, ShardsJob, TrainJob
from configs.settings import Settings


def leaves(model: type[Settings], prefix: str = "") -> list[tuple[str, str | None]]:
    found = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            found += leaves(field.annotation, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", field.description))
    return found


@pytest.mark.parametrize("job", [AsrJob, ShardsJob, TrainJob, EvaluateJob, ReportJob])
def test_every_setting_says_what_it_does(job: type[Settings]) -> None:
    assert [name for name, text in leaves(job) if not text] == []


@pytest.mark.parametrize("job", [AsrJob, ShardsJob, TrainJob, EvaluateJob, ReportJob])
def test_defaults_hold(job: type[Settings]) -> None:
    assert job() == job.model_validate(job().model_dump())


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        ClipsConfig().fps = 3


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(ValidationError, match="fbs"):
        ClipsConfig.model_validate({"fbs": 10})


@pytest.mark.parametrize("name", ["../x", "", "a/b", ".hidden", "a b", "x" * 65, "a\n"])
def test_the_name_of_a_run_cannot_leave_its_root(name: str) -> None:
    with pytest.raises(ValidationError):
        RunConfig(name=name)


def test_the_published_names_stay() -> None:
    training = TrainJob().training
    assert {"steps", "workers", "seed"} <= set(type(training).model_fields)
