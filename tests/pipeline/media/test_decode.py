"""The decoder child from outside: right frames, right sound, right verdicts."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media.decode import decode_source, make_request
from pipeline.media.errors import MediaError
from shards.clipcodec import decode_audio, decode_clip

CLIPS = ClipsConfig(short_side=96, crf=10)
LIMITS = LimitsConfig()


def cut(path, starts, clips=CLIPS, limits=LIMITS):
    """Decode the clips at some slots: {slot: (frames, sound or None, message)}, rejects, ends."""
    taken, rejects = {}, {}

    def take(message, block):
        if message["kind"] == "reject":
            rejects[message["slot"]] = message["code"]
            return
        mp4, flac = block[: message["clip_bytes"]], block[message["clip_bytes"] :]
        frames_THWC = decode_clip(mp4, "pyav")
        sound_N = decode_audio(flac)[0] if flac else None
        taken[message["slot"]] = (frames_THWC, sound_N, message)

    request = make_request(path, clips, limits)
    probe, summary = decode_source(request, limits, lambda probe: starts, take)
    return taken, rejects, probe, summary


def nearest(times_s: list[Fraction], slot: int) -> int:
    at_s = Fraction(slot, 10)
    return min(range(len(times_s)), key=lambda number: (abs(times_s[number] - at_s), number))


@pytest.mark.parametrize("fps", ["24", "25", "30000/1001", "30", "60", "15"])
def test_every_frame_is_the_nearest_in_time(tmp_path, make_video, number_of, fps):
    rate = Fraction(fps)
    path = make_video(tmp_path / "a.mp4", fps=rate, num_frames=int(7 * rate))
    starts = [0, 3, 17, 38]
    taken, rejects, _, summary = cut(path, starts)
    assert "W_VFR" not in summary.flags
    times_s = [number / rate for number in range(int(7 * rate))]
    assert rejects == {}
    for start in starts:
        frames_THWC, _, message = taken[start]
        want = [nearest(times_s, start + place) for place in range(32)]
        assert [number_of(frame) for frame in frames_THWC] == want
        assert message["pts_s"] == [round(float(times_s[number]), 3) for number in want]
        assert message["dup"] == [False] * 32


def test_a_variable_rate_is_followed_by_time_and_repeats_are_flagged(
    tmp_path, make_video, number_of
):
    gap = range(1300, 1700)
    pts = [at for at in range(0, 7000, 33) if at not in gap]
    path = make_video(tmp_path / "a.mkv", pts=pts, time_base=Fraction(1, 1000))
    taken, _, _, summary = cut(path, [0, 35])
    assert "W_VFR" in summary.flags
    times_s = [Fraction(at, 1000) for at in pts]
    want = [nearest(times_s, slot) for slot in range(32)]
    frames_THWC, _, message = taken[0]
    assert [number_of(frame) for frame in frames_THWC] == want
    assert message["dup"] == [False] + [one == two for one, two in itertools.pairwise(want)]
    assert any(message["dup"])
    assert not any(taken[35][2]["dup"])


@pytest.mark.parametrize(("name", "start_s"), [("a.ts", 0), ("a.mkv", 2.5), ("a.mkv", 0.68)])
def test_a_late_start_is_the_zero_of_frames_and_sound(
    tmp_path, make_video, make_beeps, number_of, name, start_s
):
    rate = Fraction(25)
    pts = [number + round(start_s * 25) for number in range(125)]
    sound = make_beeps(5.0, [2.0])
    path = make_video(tmp_path / name, fps=rate, pts=pts, sound=sound, sound_start_s=start_s)
    taken, _, probe, _ = cut(path, [0, 10])
    assert "W_STARTTIME" in probe.flags
    first = number_of(taken[0][0][0])
    assert first == 0
    # In a .ts the sound's priming of 64 ms stands before the first picture, and moves the zero.
    assert number_of(taken[0][0][20]) in ((48,) if name == "a.ts" else (50,))
    onset_s = np.flatnonzero(np.abs(taken[10][1].astype(int)) > 3000)[0] / 16_000
    picture_s = 1.0 + (50 - number_of(taken[10][0][10])) / 25
    assert abs(onset_s - picture_s) < 0.05


def test_sound_stands_where_the_video_has_it(tmp_path, make_video, make_beeps):
    path = make_video(tmp_path / "a.mp4", sound=make_beeps(5.0, [0.5, 2.0, 4.0]))
    taken, _, probe, _ = cut(path, [0, 11, 18])
    assert probe.has_audio
    for slot, at_s in ((0, 0.5), (11, 0.9), (18, 0.2)):
        sound_N = taken[slot][1]
        assert sound_N.shape == (51_200,)
        assert abs(np.flatnonzero(np.abs(sound_N.astype(int)) > 3000)[0] / 16_000 - at_s) < 0.02


def test_sound_that_ends_early_is_followed_by_silence(tmp_path, make_video, make_beeps):
    path = make_video(tmp_path / "a.mp4", sound=make_beeps(2.0, [1.9]))
    taken, _, _, _ = cut(path, [10])
    sound_N = taken[10][1]
    assert sound_N.shape == (51_200,)
    assert np.abs(sound_N[:17_000].astype(int)).max() > 3000
    assert not sound_N[18_000:].any()


def test_sound_written_after_all_pictures_still_reaches_its_clips(tmp_path, make_video, make_beeps):
    path = make_video(tmp_path / "a.avi", codec="mpeg4", sound=make_beeps(5.0, [1.0]))
    taken, _, _, _ = cut(path, [0, 5])
    assert np.abs(taken[5][1].astype(int)).max() > 3000


def test_a_video_without_sound_gives_clips_without(tmp_path, make_video):
    taken, _, probe, _ = cut(make_video(tmp_path / "a.mp4"), [0])
    assert taken[0][1] is None
    assert "W_NOAUDIO" in probe.flags


def test_a_rotated_video_stands_upright_once(tmp_path, make_video, number_of):
    path = make_video(tmp_path / "a.mp4", rotation=90)
    taken, _, _, summary = cut(path, [0])
    frames_THWC = taken[0][0]
    assert frames_THWC.shape == (32, 128, 96, 3)
    assert "W_ROT" in summary.flags and summary.rotation == 90
    assert number_of(np.rot90(frames_THWC[5], -1)) == 15


def test_pixels_that_are_not_square_are_made_square(tmp_path, make_video):
    path = make_video(tmp_path / "a.mp4", sar=Fraction(3, 2))
    taken, _, probe, _ = cut(path, [0])
    assert taken[0][0].shape == (32, 96, 192, 3)
    assert probe.sar == "3:2" and "W_SAR" in probe.flags


def test_a_source_that_is_too_slow_loses_its_clips(tmp_path, make_video):
    path = make_video(tmp_path / "a.mp4", fps=Fraction(5), num_frames=40)
    taken, rejects, _, _ = cut(path, [0, 20])
    assert taken == {} and rejects == {0: "W_FPSLOW", 20: "W_FPSLOW"}


def test_a_slightly_slow_source_keeps_its_clips_with_flags(tmp_path, make_video):
    path = make_video(tmp_path / "a.mp4", fps=Fraction(8), num_frames=60)
    taken, rejects, probe, _ = cut(path, [0])
    assert rejects == {} and sum(taken[0][2]["dup"]) == 6
    assert "W_FPSLOW" in probe.flags


def test_a_cut_file_keeps_the_whole_clips_before_the_cut(tmp_path, make_video, number_of):
    options = {"movflags": "+faststart"}
    path = make_video(tmp_path / "a.mp4", num_frames=300, options=options)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.7)])
    starts = [0, 15, 65]
    taken, rejects, _, summary = cut(path, starts)
    assert sorted(taken) == [0, 15] and rejects == {65: "W_TRUNC"}
    assert "W_TRUNC" in summary.flags
    assert [number_of(frame) for frame in taken[15][0]] == [45 + 3 * place for place in range(32)]


def test_a_clip_past_the_last_frame_is_rejected(tmp_path, make_video):
    taken, rejects, _, _ = cut(make_video(tmp_path / "a.mp4", num_frames=97), [0, 2])
    assert sorted(taken) == [0] and rejects == {2: "W_CAPPASTEOF"}


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda whole: b"", "E_EMPTY"),
        (lambda whole: b"<html>no such video</html>", "E_NOTMEDIA"),
        (lambda whole: whole[: len(whole) // 2], "E_MOOV"),
        (lambda whole: whole[:32] + b"\0\0\0\1mdat" + b"\x7f" * 90, "E_MOOV"),
    ],
)
def test_a_file_that_is_no_video_is_rejected_with_its_code(tmp_path, make_video, make, code):
    path = make_video(tmp_path / "a.mp4")
    path.write_bytes(make(path.read_bytes()))
    with pytest.raises(MediaError) as caught:
        cut(path, [0])
    assert caught.value.code == code


def test_a_playlist_is_not_followed(tmp_path, make_video):
    make_video(tmp_path / "a.ts")
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\na.ts\n#EXT-X-ENDLIST\n"
    for name in ("list.m3u8", "list.mp4"):
        (tmp_path / name).write_text(text)
        with pytest.raises(MediaError, match="E_NOTMEDIA"):
            cut(tmp_path / name, [0])


@pytest.mark.parametrize("name", ["a:b.mp4", "http:x.mp4", "-y.mp4", "%03d.mp4", "a\nb.mp4"])
def test_a_name_is_only_a_name(tmp_path, make_video, name):
    make_video(tmp_path / "plain.mp4").rename(tmp_path / name)
    assert sorted(cut(tmp_path / name, [0])[0]) == [0]


@pytest.mark.parametrize("limit", [{"pixels": 1000}, {"side_px": 100}, {"duration_s": 2.0}])
def test_a_video_over_a_limit_is_rejected_before_it_is_decoded(tmp_path, make_video, limit):
    path = make_video(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match="E_HUGE"):
        cut(path, [0], limits=LimitsConfig(**limit))


def test_the_same_source_gives_the_same_bytes(tmp_path, make_video, make_beeps):
    path = make_video(tmp_path / "a.mp4", sound=make_beeps(5.0, [1.0]))
    blocks = []
    for _ in range(2):
        request = make_request(path, CLIPS, LimitsConfig())
        decode_source(
            request, LimitsConfig(), lambda _: [0, 5], lambda _, block: blocks.append(block)
        )
    assert blocks[:2] == blocks[2:]


def test_real_videos_are_rotated_like_decord_does_it(test_data):
    folder = test_data / "nasty_media"
    clips = ClipsConfig(num_frames=1, short_side=320)
    for name, shape in (("decord_video_0.mov", (320, 568)), ("decord_video_270.mov", (568, 320))):
        taken, _, _, _ = cut(folder / name, [0], clips)
        assert taken[0][0].shape[1:3] == shape
