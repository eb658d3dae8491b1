import shlex
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from configs.runs import TrainJob
from pipeline.launching.find import FOLDER_KEY, VERB_KEY
from pipeline.launching.submit import Launch, make_launch, next_attempt, send


class Cluster:
    """Takes what is submitted, as a job server does."""

    def __init__(self, *statuses: str) -> None:
        self.sent: dict = {}
        self.package: dict[str, bytes] = {}
        self._jobs = [self._job(n, status) for n, status in enumerate(statuses, start=1)]

    @staticmethod
    def _job(number: int, status: str) -> SimpleNamespace:
        return SimpleNamespace(
            submission_id=f"real-{number}", status=status, metadata={VERB_KEY: "train"},
            driver_exit_code=None, message="", start_time=1, end_time=None,
        )  # fmt: skip

    def list_jobs(self) -> list[SimpleNamespace]:
        return self._jobs

    def submit_job(self, **sent) -> str:
        if any(job.submission_id == sent["submission_id"] for job in self._jobs):
            raise RuntimeError("Job with submission_id already exists.")
        self.sent = sent
        with zipfile.ZipFile(sent["runtime_env"]["working_dir"]) as package:
            self.package = {name: package.read(name) for name in package.namelist()}
        return sent["submission_id"]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text("training: {steps: 7}\n")
    return tmp_path


def launch(here: Path, verb: str, *words: str, name: str = "") -> Launch:
    return make_launch(verb, words, name, here, 600)


def train(here: Path, *words: str) -> Launch:
    return launch(here, "train", "--data.shards", "shards", "--run.name", "real", *words)


def test_the_job_runs_the_verb_with_the_settings_that_were_checked_here(here: Path) -> None:
    cluster = Cluster()
    config = str(here / "mine.yaml")
    send(train(here, "--config", config, "--training.lr", "0.5"), 1, cluster)
    words = shlex.split(cluster.sent["entrypoint"])
    assert words[:5] == ["exec", "python", "-m", "pipeline.cli", "train"]
    settings = yaml.safe_load(cluster.package[words[words.index("--config") + 1]])
    job = TrainJob.model_validate(settings)
    assert (job.training.steps, job.training.lr) == (7, 0.5)
    assert job.data.shards == f"{here}/shards"
    assert words[-2:] == ["--ray.address", "auto"]


def test_the_id_the_verb_and_the_folder_are_told_to_the_cluster(here: Path) -> None:
    cluster = Cluster()
    assert send(train(here), 3, cluster) == "real-3"
    assert cluster.sent["metadata"] == {VERB_KEY: "train", FOLDER_KEY: f"{here}/runs/real"}


def test_no_value_of_our_environment_travels(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-7431")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "canary-7431")
    cluster = Cluster()
    send(train(here), 1, cluster)
    assert cluster.sent["runtime_env"]["env_vars"] == {
        "WEAKVID_JOB": "real-1",
        "RAY_JOB_STOP_WAIT_TIME_S": "600",
    }
    assert "canary" not in str(cluster.sent) + str(cluster.package)


def test_an_open_cluster_is_open_to_the_job_too_where_that_was_said(here: Path) -> None:
    made = make_launch("evaluate", [], "", here, 600, insecure_local=True)
    assert yaml.safe_load(made.added["settings.yaml"])["ray"]["insecure_local"] is True
    closed = launch(here, "evaluate")
    assert yaml.safe_load(closed.added["settings.yaml"])["ray"]["insecure_local"] is False


def test_features_are_written_where_settings_say_else_into_the_run(here: Path) -> None:
    assert launch(here, "compare").folder == f"{here}/runs/demo/fusion"
    assert launch(here, "embed", "--run.name", "real").folder == f"{here}/runs/real"
    other = launch(here, "embed", "--run.name", "real", "--embedding.out", "s3://b/vectors")
    assert (other.folder, other.name) == ("s3://b/vectors", "real")


def test_odd_paths_are_words_for_the_shell_and_nothing_more(here: Path) -> None:
    odd = "shards'; touch gone; $(echo) `x` \n"
    made = launch(here, "report", odd, name="real")
    assert shlex.split(made.entrypoint)[5] == f"{here}/{odd}"


@pytest.mark.parametrize(
    ("verb", "words", "name"),
    [
        ("shards", "--sources.path videos --shards.out s3://bucket/big/", "big"),
        ("asr", "--sources.path videos --sources.transcripts /data/said", "said"),
        ("evaluate", "--run.name real", "real"),
        ("report", "--run.name real", "real"),
        ("report", "data/big", "big"),
    ],
)
def test_a_job_has_the_name_of_what_it_writes(here: Path, verb: str, words: str, name: str) -> None:
    assert launch(here, verb, *words.split()).name == name
    assert launch(here, verb, *words.split(), name="other").name == "other"


def test_a_folder_whose_name_is_no_name_asks_for_one(here: Path) -> None:
    with pytest.raises(ValueError, match="--name must be"):
        launch(here, "shards", "--sources.path", "videos", "--shards.out", "/data/my shards")


def test_bad_settings_are_told_before_anything_is_sent(here: Path) -> None:
    with pytest.raises(ValueError, match=r"--training\.steps: must be greater"):
        train(here, "--training.steps", "0")


def test_the_address_of_another_cluster_is_refused(here: Path) -> None:
    with pytest.raises(ValueError, match=r"ray\.address must be left out"):
        train(here, "--ray.address", "10.0.0.1:6379")


def test_a_report_on_shards_is_launched_with_its_options(here: Path) -> None:
    made = launch(here, "report", "out", "--truth", "videos")
    assert list(made.words) == [f"{here}/out", "--truth", f"{here}/videos"]


def test_a_name_under_way_is_refused_with_how_to_see_and_end_it(here: Path) -> None:
    with pytest.raises(ValueError, match=r"real-2 \(train\) is RUNNING.*weakvid stop real"):
        next_attempt(train(here), Cluster("FAILED", "RUNNING"))


@pytest.mark.parametrize(
    ("statuses", "attempt"), [((), 1), (("FAILED",), 2), (("STOPPED", "SUCCEEDED"), 3)]
)
def test_what_is_over_is_followed_by_the_next_attempt(
    here: Path, statuses: tuple[str, ...], attempt: int
) -> None:
    assert next_attempt(train(here), Cluster(*statuses)) == attempt


def test_of_two_who_launch_at_once_one_is_refused(here: Path) -> None:
    with pytest.raises(ValueError, match="real-1 must be new"):
        send(train(here), 1, Cluster("PENDING"))
