import json

import pytest

from configs.sources import SourcesConfig
from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.listing.source import SourceFile
from pipeline.listing.spans import span_stamp
from pipeline.media.request import Probe
from pipeline.tasks.narration import (
    embedded_captions,
    listed_captions,
    narrate,
    transcript_name,
    with_transcripts,
)
from shards import storage

LIMITS = SourcesConfig().limits
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.000\ncut the onions into small cubes and fry them\n"


def source(**changes) -> SourceFile:
    values = {"video_id": "ada", "video": "/v.mp4", "captions": "", "name": "ada.mp4"}
    return SourceFile(**{**values, "bytes": 1, "stamp": "1", **changes})


def listed(path) -> SourceFile:
    size, stamp = storage.version_of(str(path))
    return source(captions=str(path), caption_bytes=size, caption_stamp=stamp)


def probe(subtitles=None, language="") -> Probe:
    known = {"codec": "h264", "width": 64, "height": 48, "sar": "1:1", "rate": 30.0}
    return Probe(
        duration_s=9.0,
        has_audio=False,
        flags=[],
        subtitles=subtitles,
        subtitle_language=language,
        **known,
    )


def said(*texts, language=""):
    return Captions([Cue(k, k + 1.0, text) for k, text in enumerate(texts)], language=language)


def test_listed_captions_are_read_whatever_their_name(tmp_path):
    path = tmp_path / "ada.part"
    path.write_bytes(VTT)
    captions = listed_captions(listed(path), LIMITS)
    assert [cue.text for cue in captions.cues] == ["cut the onions into small cubes and fry them"]


def test_a_span_of_a_larger_file_is_read_alone(tmp_path):
    path = tmp_path / "all.bin"
    path.write_bytes(b"x" * 1000 + VTT + b"y" * 1000)
    one = source(captions=str(path), caption_span=(1000, len(VTT)), caption_stamp=span_stamp(VTT))
    assert len(listed_captions(one, LIMITS).cues) == 1
    path.write_bytes(b"x" * 1001 + VTT + b"y" * 999)
    assert listed_captions(one, LIMITS).code == "E_CHANGED"


def test_captions_that_cannot_be_read_say_why(tmp_path):
    gone = listed_captions(source(captions=str(tmp_path / "gone.vtt")), LIMITS)
    assert isinstance(gone, CaptionError) and gone.code == "E_FETCH"
    path = tmp_path / "long.vtt"
    path.write_bytes(VTT)
    small = LIMITS.model_copy(update={"caption_bytes": 20})
    assert listed_captions(listed(path), small).code == "E_CAPHUGE"
    one = listed(path)
    path.write_bytes(VTT + b"\n")
    assert listed_captions(one, LIMITS).code == "E_CHANGED"


def test_the_videos_own_text_track_serves_where_nothing_is_listed():
    captions = embedded_captions(probe([[3.0, 4.0, "two"], [1.0, 2.0, "one"], [5, 5, "no"]], "en"))
    assert [cue.text for cue in captions.cues] == ["one", "two"] and captions.language == "en"
    assert embedded_captions(probe()).code == "W_NOCAP"
    assert embedded_captions(probe([[1.0, 2.0, "  "]])).code == "W_NOCAP"


def test_the_files_language_comes_before_the_column_and_the_column_before_the_detector():
    english = said("cut the onions into small cubes and then fry them in butter")
    settings = SourcesConfig()
    assert narrate(source(), english, settings).language == "en"
    assert narrate(source(language="fr"), english, settings).language == "fr"
    stated = Captions(english.cues, language="de")
    assert narrate(source(language="fr"), stated, settings).language == "de"


def test_a_language_that_is_not_asked_for_is_rejected():
    settings = SourcesConfig(languages=("en", "de"))
    assert narrate(source(), said("x", language="en-US"), settings).language == "en-US"
    for language in ("fr", ""):
        with pytest.raises(CaptionError) as caught:
            narrate(source(), said("x", language=language), settings)
        assert caught.value.code == "W_CAPLANG"


def test_a_video_without_captions_is_kept_only_when_that_is_allowed():
    missing = CaptionError("W_NOCAP", "none")
    with pytest.raises(CaptionError):
        narrate(source(), missing, SourcesConfig())
    silent = narrate(source(), missing, SourcesConfig(allow_uncaptioned=True))
    assert silent.cues == () and silent.flags == {"W_NOCAP"}
    torn = narrate(source(), CaptionError("E_CAPPARSE", ""), SourcesConfig(allow_uncaptioned=True))
    assert torn.flags == {"E_CAPPARSE", "W_NOCAP"}


def test_captions_that_may_be_there_another_time_are_never_done_without():
    with pytest.raises(CaptionError, match="E_FETCH"):
        narrate(source(), CaptionError("E_FETCH", ""), SourcesConfig(allow_uncaptioned=True))


def test_transcripts_serve_sources_without_captions_and_count_as_theirs(tmp_path):
    path = tmp_path / transcript_name("ada")
    path.write_text(json.dumps({"segments": [{"start": 0.0, "end": 1.0, "text": "hello"}]}))
    own = source(video_id="bob", captions="/bob.vtt")
    mute = source(video_id="cy")
    ada, *others = with_transcripts([source(), own, mute], str(tmp_path))
    assert others == [own, mute]
    assert ada.captions == str(path) and ada.caption_bytes == path.stat().st_size
    assert ada.caption_stamp == str(path.stat().st_mtime_ns)
    assert [cue.text for cue in listed_captions(ada, LIMITS).cues] == ["hello"]
    assert with_transcripts([mute], str(tmp_path / "none")) == [mute]
