"""A small rendered corpus that the tests of this folder share, and a planned one of 60 videos."""

import pytest

from configs.demo_corpus import DemoCorpusConfig
from pipeline.demo.corpus import build_corpus, plan_video
from pipeline.demo.truth import Planned


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> DemoCorpusConfig:
    """Settings of a corpus of 3 videos that stands on disk."""
    out = tmp_path_factory.mktemp("demo")
    config = DemoCorpusConfig(out=str(out), videos=3, workers=1)
    build_corpus(config)
    return config


@pytest.fixture(scope="session")
def planned() -> list[Planned]:
    config = DemoCorpusConfig(videos=60)
    return [plan_video(config, index) for index in range(60)]
