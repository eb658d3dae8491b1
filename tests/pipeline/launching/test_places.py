from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from configs.runs import AsrJob, ShardsJob, TrainJob
from pipeline.launching.places import absolute, places, refuse_secret, settled
from pipeline.settings.errors import model_in
from pipeline.settings.load import JOBS

HERE = Path("/home/ada/project")

NO_PLACES = {
    *("grid.settings.sequences.modalities", "grid.settings.hidden_crf.modalities"),
    *("grid.settings.translation.source", "grid.settings.translation.targets"),
    "grid.settings.mfas.architecture.layers",

    "sources.kind", "sources.text_variant", "asr.language", "asr.model", "asr.device",
    "ray.address", "run.name", "tracking.wandb_project", "tracking.wandb_entity", "tracking.mlflow",
    "tracking.mlflow_experiment", "checkpoints.branch", "remove", "sources.languages",
    "model.video.blocks", "checkpoints.override", "checkpoint", "checkpoints.best",
}  # fmt: skip


def test_relative_paths_count_from_the_launching_folder() -> None:
    tree = settled(ShardsJob.model_validate({"sources": {"path": "videos"}}), HERE)
    assert tree["sources"]["path"] == "/home/ada/project/videos"


def test_urls_absolute_paths_and_what_is_not_set_stay() -> None:
    data = {"shards": "s3://bucket/shards", "mix": ["more", "/data/most"]}
    tree = settled(TrainJob.model_validate({"data": data}), HERE)
    assert tree["data"]["shards"] == "s3://bucket/shards"
    assert tree["data"]["mix"] == ["/home/ada/project/more", "/data/most"]
    assert tree["data"]["copies"] == ""
    assert tree["run"]["root"] == "/home/ada/project/runs"


def test_the_rest_of_the_settings_is_left_alone() -> None:
    job = TrainJob.model_validate({"training": {"steps": 7}})
    tree = settled(job, HERE)
    assert tree["training"]["steps"] == 7
    assert TrainJob.model_validate(tree).model.video == job.model.video


def test_a_model_is_a_folder_where_there_is_one_and_else_a_name(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()

    def model(name: str) -> str:
        return settled(AsrJob.model_validate({"asr": {"model": name}}), tmp_path)["asr"]["model"]

    assert model("small") == str(tmp_path / "small")
    assert model("Systran/faster-whisper-tiny") == "Systran/faster-whisper-tiny"
    assert model("./typo") == str(tmp_path / "typo")


@pytest.mark.parametrize(
    "url",
    ["https://ada:canary@host/x", "https://host/x?X-Amz-Signature=canary", "az://h/x?sig=canary"],
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"sources\.path must hold no") as refusal:
        settled(ShardsJob.model_validate({"sources": {"path": url}}), HERE)
    assert "canary" not in str(refusal.value)


def test_a_plain_url_holds_no_secret() -> None:
    refuse_secret("sources.path", "https://host/list.csv?version=3")
    assert absolute("https://host/list.csv?version=3", HERE) == "https://host/list.csv?version=3"


def test_the_places_of_a_job_are_named() -> None:
    job = ShardsJob.model_validate({"sources": {"path": "videos"}, "shards": {"out": "s3://b/out"}})
    assert places(job) == {"sources.path": "videos", "shards.out": "s3://b/out"}


def words_of(job: type[BaseModel], prefix: str = "") -> dict[str, bool]:
    """Settings that hold words, and whether they are marked as places."""
    found: dict[str, bool] = {}
    for name, info in job.model_fields.items():
        model = model_in(info.annotation)
        if model is not None:
            found |= words_of(model, f"{prefix}{name}.")
            continue
        inner = [getattr(one, "__origin__", one) for one in get_args(info.annotation)]
        if info.annotation is str or str in inner:
            marks = [*info.metadata, *(m for one in get_args(info.annotation)
                                       for m in getattr(one, "__metadata__", ()))]  # fmt: skip
            found[f"{prefix}{name}"] = "place" in marks
    return found


@pytest.mark.parametrize(
    "verb", ["shards", "asr", "train", "evaluate", "compare", "embed", "report"]
)
def test_every_setting_that_holds_words_is_a_place_or_known_to_be_none(verb: str) -> None:
    """A new setting with a path that is not marked would be lost on a cluster."""
    unmarked = {name for name, is_place in words_of(JOBS[verb]).items() if not is_place}
    assert unmarked - NO_PLACES == set()
