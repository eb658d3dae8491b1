import dataclasses
import json

import pytest

from configs.asr import AsrConfig
from configs.sources import LimitsConfig
from pipeline.asr.survey import survey
from pipeline.asr.transcribe import Spoken
from pipeline.asr.transcript import (
    NoTranscript,
    names_of,
    origin_of,
    save_none,
    save_transcript,
)
from pipeline.asr.work import Setup
from pipeline.captions.cue import CaptionError
from pipeline.captions.read import parse_captions
from pipeline.listing.source import SourceFile

SOURCE = SourceFile('a "b"/\u00e9', "/v/a.mp4", "", "a.mp4", 9, "1")
WORDS = [{"word": "Hello", "start": 0.5, "end": 0.9, "probability": 0.9},
         {"word": "there.", "start": 1.0, "end": 1.4, "probability": 0.9}]  # fmt: skip
SPOKEN = Spoken("en", [{"id": 0, "start": 0.5, "end": 1.4, "text": "Hello there.", "words": WORDS}])


@pytest.fixture
def setup(tmp_path) -> Setup:
    return Setup(str(tmp_path), AsrConfig(), LimitsConfig(), "modelhash")


def save(setup: Setup, source: SourceFile, spoken: Spoken = SPOKEN) -> None:
    save_transcript(setup.folder, origin_of(source, setup.model, setup.config), spoken)


def test_a_transcript_is_captions_with_words(setup, tmp_path):
    save(setup, SOURCE)
    data = (tmp_path / names_of(SOURCE.video_id)[0]).read_bytes()
    captions = parse_captions(data, LimitsConfig())
    assert (captions.language, captions.format) == ("en", "whisper")
    [cue] = captions.cues
    assert cue.text == "Hello there." and [w.start_s for w in cue.words] == [0.5, 1.0]


def test_a_transcript_of_silence_says_that_nothing_is_said(setup, tmp_path):
    save(setup, SOURCE, Spoken(""))
    data = (tmp_path / names_of(SOURCE.video_id)[0]).read_bytes()
    with pytest.raises(CaptionError, match="W_CAPEMPTY"):
        parse_captions(data, LimitsConfig())
    assert survey([SOURCE], setup).num_done == 1


@pytest.mark.parametrize(
    "change",
    [{"bytes": 10}, {"stamp": "2"}, {"language": "de-CH"}, {"video_id": "b"}],
)
def test_another_version_of_the_video_is_to_do(setup, change):
    save(setup, SOURCE)
    assert survey([SOURCE], setup).to_do == []
    other = dataclasses.replace(SOURCE, **change)
    assert survey([other], setup).to_do == [other]


def test_another_model_or_setting_is_to_do_and_threads_are_not(setup):
    save(setup, SOURCE)
    assert survey([SOURCE], dataclasses.replace(setup, model="other")).to_do
    for change, is_to_do in (({"beam": 2}, True), ({"threads": 4, "attempts": 9}, False)):
        config = setup.config.model_copy(update=change)
        assert bool(survey([SOURCE], dataclasses.replace(setup, config=config)).to_do) == is_to_do


def test_captioned_videos_are_left_alone(setup):
    assert survey([dataclasses.replace(SOURCE, captions="/v/a.vtt")], setup).num_all == 0


def test_a_reject_is_remembered_until_it_is_to_be_retried(setup):
    origin = origin_of(SOURCE, setup.model, setup.config)
    save(setup, SOURCE)
    save_none(setup.folder, origin, NoTranscript("E_MOOV", "cut off"))
    found = survey([SOURCE], setup)
    assert found.to_do == [] and [row["code"] for row in found.rejects] == ["E_MOOV"]
    again = setup.config.model_copy(update={"retry_rejects": True})
    assert survey([SOURCE], dataclasses.replace(setup, config=again)).to_do == [SOURCE]
    save(setup, SOURCE)
    assert survey([SOURCE], setup).num_done == 1
    save_none(setup.folder, origin, NoTranscript("", "text track"))
    assert survey([SOURCE], setup).num_excused == 1


@pytest.mark.parametrize("data", [b"", b"{", b'{"asr":1}', b'{"asr":{"x":', b"[]", b"\xff\xfe"])
def test_what_is_not_ours_is_made_anew(setup, tmp_path, data):
    for name in names_of(SOURCE.video_id):
        (tmp_path / name).write_bytes(data)
    assert survey([SOURCE], setup).to_do == [SOURCE]


def test_the_same_speech_is_the_same_bytes(setup, tmp_path):
    save(setup, SOURCE)
    path = tmp_path / names_of(SOURCE.video_id)[0]
    first = path.read_bytes()
    save(setup, SOURCE, Spoken("en", json.loads(json.dumps(SPOKEN.segments))))
    assert path.read_bytes() == first and first.startswith(b'{"asr":{')
