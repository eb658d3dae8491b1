import pytest
from pydantic import ValidationError

from configs.beside import BesideConfig
from configs.runs import TrainJob


def test_what_is_looked_at_while_training_is_not_the_test_split() -> None:
    assert BesideConfig().retrieval.split == "val"
    asked = BesideConfig.model_validate({"retrieval": {"queries": "steps.jsonl"}})
    assert asked.retrieval.split == "val"


def test_several_workers_are_refused_beside_training() -> None:
    with pytest.raises(ValidationError, match="evaluation.workers must be 1"):
        BesideConfig(workers=2)


def test_a_training_without_ray_has_nothing_beside_it() -> None:
    with pytest.raises(ValidationError, match="evaluation.every must be 0"):
        TrainJob.model_validate({"training": {"workers": 0}, "evaluation": {"every": 10}})
