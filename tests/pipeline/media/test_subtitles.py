import subprocess
from dataclasses import replace

import imageio_ffmpeg
import pytest

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media import subtitles
from pipeline.media.decode import decode_source, make_request
from pipeline.media.probe import open_source
from pipeline.media.subtitles import with_subtitles

SRT = (
    "1\n00:00:00,500 --> 00:00:01,500\n<i>cut</i> it, Zoë\n\n"
    "2\n00:00:02,000 --> 00:00:03,250\nnow\nstir\n\n"
)
CUES = [(0.5, 1.5, "cut it, Zoë"), (2.0, 3.25, "now stir")]


@pytest.fixture
def video(tmp_path):
    """Make a little video with text tracks."""

    def make(name, codec, *options, text=SRT, offset_s=0.0):
        path, written = tmp_path / name, tmp_path / "a.srt"
        written.write_text(text)
        command = [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi"),
            *("-i", "testsrc=size=64x48:rate=10:duration=5"),
            *("-i", str(written), "-map", "0:v", "-map", "1:s"),
            *("-c:v", "libx264", "-c:s", codec, *options),
            *("-output_ts_offset", str(offset_s), "-avoid_negative_ts", "disabled", str(path)),
        ]
        subprocess.run(command, check=True, timeout=60)
        return path

    return make


def request_for(path, wants_subtitles=True):
    request = make_request(path, ClipsConfig(short_side=32), LimitsConfig())
    return replace(request, wants_subtitles=wants_subtitles)


def probe_of(path):
    request = request_for(path)
    return with_subtitles(open_source(request), request).probe


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "mov_text"),
        ("a.mkv", "srt"),
        ("a.mkv", "webvtt"),
        ("a.mkv", "ass"),
        ("a.mov", "mov_text"),
    ],
)
def test_the_text_track_is_read_with_its_language(video, name, codec):
    probe = probe_of(video(name, codec, "-metadata:s:s:0", "language=ger"))
    assert [(round(start, 2), round(end, 2), text) for start, end, text in probe.subtitles] == CUES
    assert probe.subtitle_language == "de" and "W_CAPCUT" not in probe.flags


def test_times_count_from_the_zero_of_the_container(video):
    probe = probe_of(video("a.mkv", "srt", offset_s=7.0))
    assert "W_STARTTIME" in probe.flags
    assert [cue[:2] for cue in probe.subtitles] == [cue[:2] for cue in CUES]


def test_a_forced_track_is_not_the_narration(video, tmp_path):
    options = ("-map", "1:s", "-disposition:s:0", "forced", "-metadata:s:s:0", "language=fre")
    probe = probe_of(video("a.mkv", "srt", *options, "-metadata:s:s:1", "language=eng"))
    assert probe.subtitle_language == "en"


def test_cues_past_the_limits_are_left_out_and_flagged(video, monkeypatch):
    path = video("a.mkv", "srt")
    monkeypatch.setattr(subtitles, "MAX_CUES", 1)
    probe = probe_of(path)
    assert len(probe.subtitles) == 1 and "W_CAPCUT" in probe.flags
    monkeypatch.setattr(subtitles, "MAX_CUES", 10)
    monkeypatch.setattr(subtitles, "MAX_TEXT_BYTES", 15)
    probe = probe_of(path)
    assert len(probe.subtitles) == 1 and "W_CAPCUT" in probe.flags


def test_the_child_sends_them_when_asked_and_decodes_the_same_clips(video):
    path = video("a.mp4", "mov_text")
    found = {}
    for wants in (False, True):
        probes, clips = [], []

        def plan(probe, probes=probes):
            probes.append(probe)
            return (0, 10)

        def take(message, block, clips=clips):
            clips.append((message["slot"], block))

        decode_source(request_for(path, wants), LimitsConfig(), plan, take)
        found[wants] = (probes[0].subtitles, clips)
    assert found[False][0] is None
    assert [tuple(cue) for cue in found[True][0]] == CUES
    assert found[True][1] == found[False][1] and len(found[True][1]) == 2


def test_a_video_without_a_text_track_has_none(test_data):
    assert probe_of(test_data / "narrated" / "dog.mp4").subtitles is None


def test_the_track_of_a_real_video_is_read(test_data):
    probe = probe_of(test_data / "narrated" / "nasa.mp4")
    assert probe.subtitle_language == "en"
    assert probe.subtitles[0] == (
        0.21,
        4.26,
        "NAR: This is the optical and science segment of the Webb",
    )
    assert len(probe.subtitles) == 4
