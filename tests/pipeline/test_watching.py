import pytest

from configs.operating import OperatingConfig
from configs.runs import AsrJob, EvaluateJob, ReportJob, RunConfig, ShardsJob, TrainJob
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline import watching
from pipeline.watching import name_of, watched


@pytest.fixture
def seen(monkeypatch):
    """What is watched: (stage, run, whether it notes progress, exit code)."""
    found = []

    class Watch:
        def __init__(self, config, stage, run, *, gets_on):
            self.what = (stage, run, gets_on)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def ended(self, code):
            found.append((*self.what, code))
            return code

    monkeypatch.setattr(watching, "Watch", Watch)
    monkeypatch.setattr(watching, "set_up_logging", lambda config=None: None)
    return found


def test_a_verb_is_watched_and_ends_as_it_ends(seen):
    job = TrainJob(run=RunConfig(name="real"))
    assert watched("train", job, lambda: 143) == 143
    assert watched("evaluate", EvaluateJob(run=RunConfig(name="real")), lambda: 0) == 0
    assert seen == [("train", "real", True, 143), ("evaluate", "real", False, 0)]


def test_a_verb_that_is_over_at_once_is_not_watched(seen):
    assert watched("report", ReportJob(), lambda: 0) == 0
    assert watched("overfit", TrainJob(), lambda: 0) == 0
    assert seen == []


def test_shards_and_transcripts_are_called_by_the_folder_that_is_written():
    assert name_of(ShardsJob(shards=ShardsConfig(out="s3://bucket/howto/"))) == "howto"
    assert name_of(ShardsJob(shards=ShardsConfig(out="real"))) == "real"
    assert name_of(AsrJob(sources=SourcesConfig(transcripts="/a/words"))) == "words"


def test_logs_are_set_up_as_the_job_says(seen, monkeypatch):
    asked = []
    monkeypatch.setattr(watching, "set_up_logging", asked.append)
    operating = OperatingConfig(log_format="json")
    watched("train", TrainJob(operating=operating), lambda: 0)
    assert asked == [operating]
