import pytest
from pydantic import ValidationError

from configs.runs import ShardsJob, TrainJob


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ({"data": {"size": 300, "resize": 256}}, "data.size must not exceed data.resize"),
        ({"training": {"global_batch": 10, "virtual_ranks": 4}}, "must be a multiple"),
        ({"training": {"workers": 4, "virtual_ranks": 2}}, "must not exceed training.virtual"),
    ],
)
def test_a_run_that_cannot_work_is_refused(tree: dict, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        TrainJob.model_validate(tree)


def test_splits_must_leave_something_to_train_on() -> None:
    with pytest.raises(ValidationError, match="must be below 1, got 0.5"):
        ShardsJob.model_validate({"shards": {"val_share": 0.5, "test_share": 0.5}})


def test_more_workers_are_allowed_up_to_the_virtual_ranks() -> None:
    tree = {"training": {"workers": 4, "virtual_ranks": 4, "global_batch": 8}}
    assert TrainJob.model_validate(tree).training.workers == 4
