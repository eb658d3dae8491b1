from pathlib import Path

import pytest

from configs.demo_corpus import DemoCorpusConfig
from pipeline.stages import demo_corpus


def test_the_plan_touches_nothing(tmp_path: Path) -> None:
    out = tmp_path / "videos"
    text = demo_corpus.plan_text(DemoCorpusConfig(out=str(out), videos=3, seed=5))
    assert "3 videos" in text and "seed 5" in text and str(out) in text
    assert not out.exists()


def test_the_verb_writes_what_its_settings_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = DemoCorpusConfig(out=str(tmp_path / "videos"), videos=2, steps_per_video=3, workers=1)
    assert demo_corpus.run(config) == 0
    assert len(list((tmp_path / "videos").glob("*.mp4"))) == 2
    assert len(list((tmp_path / "videos").glob("*.vtt"))) == 2
    assert "2 videos" in capsys.readouterr().out
