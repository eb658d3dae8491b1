import dataclasses
import os
from fractions import Fraction

import pytest

from configs.clips import ClipsConfig
from configs.sources import SourcesConfig
from pipeline.listing.build import list_sources
from pipeline.media.errors import MediaError
from pipeline.tasks import source as source_module
from pipeline.tasks.source import SourceBuilder
from pipeline.tasks.spool import ClipSpool
from shards.clipcodec import decode_audio, decode_clip

CLIPS = ClipsConfig(short_side=32)
INTAKE = SourcesConfig()


@pytest.fixture
def build(tmp_path):
    def build_one(
        folder,
        name,
        before=lambda source: None,
        change=lambda source: source,
        intake=INTAKE,
    ):
        [found] = [
            s for s in list_sources(SourcesConfig(path=str(folder))).sources if s.video_id == name
        ]
        before(found)
        found = change(found)
        with ClipSpool(str(tmp_path / "out"), "000000") as spool:
            outcome = SourceBuilder(found, CLIPS, intake, "cfg", spool).build()
            return outcome, [clip.load(spool) for clip in outcome.clips]

    return build_one


def test_samples_say_where_they_come_from(build, narrated):
    outcome, samples = build(narrated, "ada")
    assert outcome.num_planned == len(samples) == 3 and outcome.rejects == []
    sample = samples[1]
    assert sample.meta["video_id"] == "ada" and sample.meta["build"]["cfg"] == "cfg"
    assert (sample.meta["t0_s"], sample.meta["t1_s"]) == (0.9, 4.1)
    assert (sample.meta["w"], sample.meta["h"], sample.meta["n"]) == (42, 32, 32)
    assert len(sample.meta["pts_s"]) == len(sample.meta["dup"]) == 32
    assert sample.caption == "then two" == sample.windows[0].text
    assert len(sample.windows) == 3 and sample.audio is not None


@pytest.mark.parametrize("name", ["friday", "makeup", "autocut_en", "nasa"])
def test_real_videos_of_every_container_give_whole_clips(build, test_data, name):
    outcome, samples = build(test_data / "narrated", name)
    assert outcome.num_planned == len(samples) + len(outcome.rejects) and samples
    for sample in samples:
        assert decode_clip(sample.clip, "pyav").shape == (32, 32, sample.meta["w"], 3)
        sound_N, hz = decode_audio(sample.audio)
        assert (sound_N.shape, hz) == ((51_200,), 16_000)
        assert sample.windows and all(w.text for w in sample.windows)


def test_a_torn_file_is_one_reject(build, narrated):
    outcome, samples = build(narrated, "torn")
    assert samples == [] and outcome.num_planned == 0
    [row] = outcome.rejects
    assert (row["code"], row["stage"], row["clips"]) == ("E_MOOV", "decode", 0)


def test_bad_captions_are_one_reject(build, make_video, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    make_video(folder / "a.mp4", num_frames=100)
    (folder / "a.vtt").write_text("no captions")
    [row] = build(folder, "a")[0].rejects
    assert (row["code"], row["stage"]) == ("E_CAPPARSE", "captions")


def test_clips_lost_at_the_end_are_planned_and_rejected(build, make_video, make_vtt, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    make_video(folder / "a.mp4", num_frames=120)
    make_vtt(folder / "a.vtt", [(1.0, 2.0, "in"), (8.0, 9.0, "out")])
    outcome, samples = build(folder, "a")
    assert outcome.num_planned == 2 and len(samples) == 1
    [row] = outcome.rejects
    assert (row["code"], row["clips"], row["t0_s"]) == ("W_CAPPASTEOF", 1, 6.9)


def test_a_file_that_changes_after_the_listing_is_rejected(build, narrated, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in (".mp4", ".vtt"):
        (copy / f"ada{suffix}").write_bytes((narrated / f"ada{suffix}").read_bytes())

    def touch(source):
        os.utime(source.video, ns=(1, 1))

    [row] = build(copy, "ada", before=touch)[0].rejects
    assert row["code"] == "E_CHANGED"


def test_captions_that_change_after_the_listing_are_rejected(build, narrated, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in (".mp4", ".vtt"):
        (copy / f"ada{suffix}").write_bytes((narrated / f"ada{suffix}").read_bytes())

    def rewrite(source):
        os.utime(source.captions, ns=(1, 1))

    [row] = build(copy, "ada", before=rewrite)[0].rejects
    assert row["code"] == "E_CHANGED" and "captions" in row["detail"]


def test_a_reject_does_not_say_where_the_source_lay(build, narrated, tmp_path):
    # So deep that a message with the path in it is cut within the path.
    places = ("here", "there" * 30)
    for place in places:
        folder = tmp_path / place
        folder.mkdir()
        (folder / "ada.mp4").write_bytes(b"no video at all" * 100)
        (folder / "ada.vtt").write_bytes((narrated / "ada.vtt").read_bytes())
    [here], [there] = (build(tmp_path / place, "ada")[0].rejects for place in places)
    assert here == there and str(tmp_path) not in here["detail"]


def test_a_verdict_of_a_busy_machine_is_tried_once_more(build, narrated, monkeypatch):
    decode, calls = source_module.decode_source, []

    def flaky(*args):
        calls.append(1)
        if len(calls) == 1:
            decode(*args)  # leaves clips in the spool, which the second try must not keep
            raise MediaError("E_OOM", "busy")
        return decode(*args)

    monkeypatch.setattr(source_module, "decode_source", flaky)
    outcome, samples = build(narrated, "ada")
    assert len(calls) == 2 and len(samples) == outcome.num_planned == 3
    assert samples[0].clip[4:8] == b"ftyp"


def test_a_verdict_that_stands_rejects_all_planned_clips(build, narrated, monkeypatch):
    decode = source_module.decode_source

    def always(*args):
        decode(*args)
        raise MediaError("E_CRASH", "again")

    monkeypatch.setattr(source_module, "decode_source", always)
    outcome, samples = build(narrated, "ada")
    [row] = outcome.rejects
    assert samples == [] and (row["code"], row["clips"], outcome.num_planned) == ("E_CRASH", 3, 3)


def test_a_hang_is_not_waited_for_twice_in_a_row(build, narrated, monkeypatch):
    calls = []

    def hang(*args):
        calls.append(1)
        raise MediaError("E_TIMEOUT", "not done in 60 s")

    monkeypatch.setattr(source_module, "decode_source", hang)
    [row] = build(narrated, "ada")[0].rejects
    assert row["code"] == "E_TIMEOUT" and len(calls) == 1


def test_a_row_says_what_the_video_is_and_what_became_of_it(build, narrated):
    row = build(narrated, "ada")[0].video
    assert (row["video_id"], row["name"], row["codec"]) == ("ada", "ada.mp4", "h264")
    assert (row["width"], row["height"], row["fps"], row["duration_s"]) == (64, 48, 30.0, 5.0)
    assert (row["planned"], row["written"], row["rejected"]) == (3, 3, 0)
    assert len(row["sha256"]) == 64
    torn = build(narrated, "torn")[0].video
    assert (torn["planned"], torn["written"], torn["duration_s"]) == (0, 0, None)
    assert torn["bytes"] == (narrated / "torn.mp4").stat().st_size


def test_columns_of_the_listing_travel_into_the_sample(build, narrated):
    def extra(source):
        return dataclasses.replace(source, extra='{"label":"cooking"}', language="de")

    outcome, samples = build(narrated, "ada", change=extra)
    assert samples[0].meta["extra"] == {"label": "cooking"}
    assert samples[0].meta["lang"] == outcome.video["lang"] == "de"
    assert outcome.video["extra"] == '{"label":"cooking"}'
    assert "extra" not in build(narrated, "ada")[1][0].meta


def test_a_video_without_captions_is_a_reject_or_clips_with_empty_bags(build, narrated):
    def mute(source):
        return dataclasses.replace(source, captions="", caption_bytes=0, caption_stamp="")

    [row] = build(narrated, "ada", change=mute)[0].rejects
    assert (row["code"], row["stage"]) == ("W_NOCAP", "captions")
    allowed = SourcesConfig(allow_uncaptioned=True)
    outcome, samples = build(narrated, "ada", change=mute, intake=allowed)
    assert outcome.num_planned == len(samples) == 1 and outcome.rejects == []
    assert samples[0].windows == () and samples[0].caption == ""
    assert "W_NOCAP" in samples[0].meta["flags"]


def test_a_language_that_is_not_asked_for_starts_no_decoder(build, narrated, monkeypatch):
    monkeypatch.setattr(source_module, "decode_source", None)
    [row] = build(narrated, "ada", intake=SourcesConfig(languages=("fr",)))[0].rejects
    assert (row["code"], row["stage"], row["clips"]) == ("W_CAPLANG", "captions", 0)


def test_the_windows_that_a_policy_drew_are_the_bag_in_its_order(build, narrated, monkeypatch):
    plan = source_module.plan_clips

    def drawn(*args):
        made = plan(*args)
        return dataclasses.replace(made, bags=dict.fromkeys(made.starts, (2, 0)))

    monkeypatch.setattr(source_module, "plan_clips", drawn)
    _, samples = build(narrated, "ada")
    assert [window.index for window in samples[0].windows] == [2, 0]
    assert samples[0].caption == "and three" and samples[0].windows[0].center_dist_s > 0


def test_a_source_without_a_clip_left_is_one_row(build, tmp_path, make_video, make_vtt):
    folder = tmp_path / "slow"
    folder.mkdir()
    make_video(folder / "a.mp4", fps=Fraction(2), num_frames=16)
    make_vtt(folder / "a.vtt", [(at, at + 0.5, f"part {at}") for at in (1.7, 3.5, 5.3)])
    outcome, samples = build(folder, "a")
    [row] = outcome.rejects
    assert samples == [] and outcome.num_planned == row["clips"] == 3
    assert row["code"] == "W_FPSLOW" and "no clip is left" in row["detail"]
    assert row["t0_s"] is None
