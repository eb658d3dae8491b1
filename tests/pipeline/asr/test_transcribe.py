import re

import numpy as np
import pytest

from pipeline.asr import transcribe as module
from pipeline.asr.transcribe import transcribe
from pipeline.media.hearing import HZ

faster_whisper = pytest.importorskip("faster_whisper", reason="the extra asr is not installed")


@pytest.fixture
def always_a_voice(monkeypatch):
    monkeypatch.setattr("faster_whisper.vad.get_speech_timestamps", lambda *args: [{"start": 0}])


def test_times_of_later_pieces_count_from_the_beginning(told_model, config, always_a_voice):
    config = config.model_copy(update={"piece_s": 60.0})
    sound_N = np.ones(80 * HZ, np.int16)
    spoken = transcribe(told_model, sound_N, "", config)
    offset_s = told_model.calls[0]["num_samples"] / HZ
    assert [s["start"] for s in spoken.segments] == [0.0, round(offset_s, 3)]
    assert [w["word"] for w in spoken.segments[1]["words"]] == [" w0", " w1", " w2"]
    assert [s["id"] for s in spoken.segments] == [0, 1]
    # Heard in the first piece, taken for granted in the second.
    assert [call["language"] for call in told_model.calls] == [None, "de"]
    assert spoken.language == "de"


def test_loops_are_left_out_and_counted(told_model, config, always_a_voice):
    spoken = transcribe(told_model, np.ones(10 * HZ, np.int16), "en", config)
    assert [s["text"] for s in spoken.segments] == ["w0 w1 w2"] and spoken.num_left_out == 1


def test_nothing_is_drawn_at_random(told_model, config, always_a_voice):
    transcribe(told_model, np.ones(10 * HZ, np.int16), "en", config)
    [call] = told_model.calls
    assert call["temperature"] == 0.0 and call["beam_size"] == 1
    assert call["condition_on_previous_text"] is False


def test_without_a_voice_the_model_is_not_asked(told_model, config):
    noise_N = np.random.default_rng(0).normal(0, 300, 20 * HZ).astype(np.int16)
    assert transcribe(told_model, noise_N, "", config).segments == [] and told_model.calls == []


def test_real_speech_is_understood_at_the_times_that_it_has(tiny_model, test_data, config):
    import json
    import tempfile

    from configs.sources import LimitsConfig
    from pipeline.asr.model import load_model
    from pipeline.media.hearing import hear_source

    folder = test_data / "narrated"
    with tempfile.TemporaryFile() as sound:
        hear_source(folder / "example_talk.mp4", LimitsConfig(), sound)
        sound.seek(0)
        sound_N = np.frombuffer(sound.read(), np.int16)
    model = load_model(tiny_model, config)
    first, second = (module.transcribe(model, sound_N, "en", config) for _ in range(2))
    assert first == second
    truth = json.loads((folder / "example_talk.json").read_text())
    heard, told = ([bare(s["text"]) for s in one] for one in (first.segments, truth["segments"]))
    heard_words, told_words = " ".join(heard).split(), " ".join(told).split()
    shared = sum((count_of(heard_words, word) for word in set(told_words)), 0)
    assert shared >= 0.9 * len(told_words)
    last = first.segments[-1]["words"][-1]
    # "When the time reaches 40 seconds I will say banana."
    assert bare(last["word"]) == "banana" and last["start"] == pytest.approx(40, abs=1.0)


def bare(text: str) -> str:
    return re.sub(r"[^a-z0-9 ]", "", text.lower()).strip()


def count_of(words: list[str], word: str) -> int:
    return words.count(word)
