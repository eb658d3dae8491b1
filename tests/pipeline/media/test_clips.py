from fractions import Fraction

import av
import numpy as np
import pytest

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media.clips import ClipAssembler, Picture, wanted_slots
from pipeline.media.decode import make_request
from pipeline.media.sound import SoundTrack
from shards.clipcodec import decode_audio, decode_clip


@pytest.fixture
def request_of_four(tmp_path):
    return make_request(tmp_path, ClipsConfig(num_frames=4, short_side=16), LimitsConfig())


def picture(source: int, *, is_damaged: bool = False) -> Picture:
    pixels = np.full((24, 16), 20 * source + 30, np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, format="yuv420p")
    return Picture.of(frame, source / 10, source, is_damaged=is_damaged)


def feed(assembler, sources, damaged=()):
    return [
        message
        for slot, source in enumerate(sources)
        for message in assembler.add(slot, picture(source, is_damaged=slot in damaged))
    ]


def test_overlapping_clips_share_slots():
    assert wanted_slots([0, 2, 9], 4) == [0, 1, 2, 3, 4, 5, 9, 10, 11, 12]


def test_a_clip_is_out_with_its_last_picture(request_of_four):
    assembler = ClipAssembler(request_of_four, [0, 2], None, "E_DUPFRAMES")
    messages = feed(assembler, range(4))
    assert [head["slot"] for head, _ in messages] == [0] and not assembler.is_done
    assert len(decode_clip(messages[0][1], "pyav")) == 4
    assert [head["slot"] for head, _ in assembler.add(4, picture(4))] == []
    assert [head["slot"] for head, _ in assembler.add(5, picture(5))] == [2]
    assert assembler.is_done


def test_pictures_that_no_clip_needs_any_more_are_dropped(request_of_four):
    assembler = ClipAssembler(request_of_four, [0, 2, 5], None, "E_DUPFRAMES")
    for slot in range(8):
        list(assembler.add(slot, picture(slot)))
        assert len(assembler._pictures) <= 4


def test_sound_long_before_the_first_clip_is_not_kept(request_of_four):
    sound = SoundTrack(16_000, Fraction(0))
    assembler = ClipAssembler(request_of_four, [600], sound, "E_DUPFRAMES")
    for second in range(60):
        frame = av.AudioFrame.from_ndarray(np.ones((1, 16_000), np.int16), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, second, Fraction(1)
        sound.push(frame)
        assert list(assembler.heard()) == []
    assert sound.position == 960_000 and len(sound._chunks) <= 1


def test_a_share_of_repeats_above_the_limit_rejects_the_clip(request_of_four):
    one_repeat = feed(ClipAssembler(request_of_four, [0], None, "E_DUPFRAMES"), [0, 1, 1, 2])
    assert one_repeat[0][0]["dup"] == [False, False, True, False]
    two_repeats = feed(ClipAssembler(request_of_four, [0], None, "E_DUPFRAMES"), [0, 1, 1, 1])
    assert two_repeats[0][0]["code"] == "E_DUPFRAMES"


def test_a_clip_with_a_damaged_picture_is_rejected(request_of_four):
    assembler = ClipAssembler(request_of_four, [0, 1], None, "E_DUPFRAMES")
    messages = feed(assembler, range(5), damaged={0})
    assert [(head["slot"], head.get("code")) for head, _ in messages] == [
        (0, "W_CORRUPT"),
        (1, None),
    ]


def test_margins_are_stored_around_a_clip_and_shared_by_its_neighbours(tmp_path):
    request = make_request(
        tmp_path, ClipsConfig(num_frames=4, short_side=16, margin=2), LimitsConfig()
    )
    assert wanted_slots([2, 5], 4, 2) == list(range(11))
    assembler = ClipAssembler(request, [2, 5], None, "E_DUPFRAMES")
    messages = feed(assembler, range(11))
    assert [head["slot"] for head, _ in messages] == [2, 5] and assembler.is_done
    assert messages[0][0]["pts_s"] == [place / 10 for place in range(8)]
    assert messages[1][0]["pts_s"] == [place / 10 for place in range(3, 11)]
    assert len(decode_clip(messages[1][1], "pyav")) == len(messages[1][0]["dup"]) == 8


def test_the_sound_of_a_clip_reaches_over_its_margins(tmp_path):
    request = make_request(
        tmp_path, ClipsConfig(num_frames=4, short_side=16, margin=2), LimitsConfig()
    )
    sound = SoundTrack(16_000, Fraction(0))
    samples_N = np.arange(32_000) % 30_000
    frame = av.AudioFrame.from_ndarray(samples_N.astype(np.int16)[None], "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
    sound.push(frame)
    sound.finish()
    [(head, block)] = feed(ClipAssembler(request, [3], sound, "E_DUPFRAMES"), range(9))[:1]
    heard_N, _ = decode_audio(block[head["clip_bytes"] :])
    assert (heard_N == samples_N[1600 : 1600 + 8 * 1600]).all()


@pytest.mark.parametrize("encoding", ["jpgs", "npy"])
def test_other_encodings_hold_the_same_pictures(tmp_path, encoding):
    clips = ClipsConfig(num_frames=4, short_side=16, encoding=encoding)
    request = make_request(tmp_path, clips, LimitsConfig())
    assembler = ClipAssembler(request, [0], None, "E_DUPFRAMES")
    for slot in range(4):
        pixels = np.full((16, 16, 3), 50 * slot + 40, np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        messages = list(assembler.add(slot, Picture.of(frame, slot, slot, is_damaged=False)))
    frames = decode_clip(messages[0][1], encoding=encoding)
    assert np.allclose(frames.mean(axis=(1, 2, 3)), [40, 90, 140, 190], atol=1)


def test_black_clips_are_rejected_and_static_ones_only_flagged(request_of_four):
    assembler = ClipAssembler(request_of_four, [0, 4], None, "E_DUPFRAMES")
    messages = []
    for slot, level in enumerate([16] * 4 + [120] * 4):
        planes = np.full((24, 16), 128, np.uint8)
        planes[:16] = level
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        messages += assembler.add(slot, Picture.of(frame, slot, slot, is_damaged=False))
    assert (messages[0][0]["kind"], messages[0][0]["code"]) == ("reject", "W_BLACK")
    assert (messages[1][0]["kind"], messages[1][0]["flags"]) == ("clip", ["W_STATIC"])


def test_which_flags_reject_a_clip_is_a_setting(tmp_path):
    clips = ClipsConfig(num_frames=4, short_side=16, reject_flags=("W_SILENT",))
    request = make_request(tmp_path, clips, LimitsConfig())
    sound = SoundTrack(16_000, Fraction(0))
    sound.finish()
    messages = feed(ClipAssembler(request, [0], sound, "E_DUPFRAMES"), range(4))
    assert [(head["kind"], head["code"]) for head, _ in messages] == [("reject", "W_SILENT")]
    kept = make_request(tmp_path, clips.model_copy(update={"reject_flags": ()}), LimitsConfig())
    messages = feed(ClipAssembler(kept, [0], sound, "E_DUPFRAMES"), range(4))
    assert messages[0][0]["flags"] == ["W_SILENT"]
