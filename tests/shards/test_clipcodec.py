import builtins
import hashlib
import io
import logging
import subprocess
import sys

import av
import numpy as np
import pytest

from shards import clipcodec_h264
from shards.clipcodec import (
    clip_audio,
    clip_frames,
    decode_audio,
    decode_clip,
    encode_audio,
    encode_clip,
    encode_raw,
    stored_frames,
)
from shards.clipcodec_jpegs import encode_jpegs
from shards.schema import Sample

ENCODE = """
import hashlib, numpy as np
from shards.clipcodec import encode_clip
frames = np.random.default_rng(5).integers(0, 255, (32, 64, 80, 3), np.uint8)
print(hashlib.sha256(encode_clip(frames, 10, 18)).hexdigest())
"""


def moving_disc(num_frames: int = 32, height: int = 64, width: int = 80) -> np.ndarray:
    """A bright disc whose place tells the number of the frame, over a grey ramp."""
    y, x = np.mgrid[0:height, 0:width]
    frames = []
    for index in range(num_frames):
        disc = (x - 8 - 2 * index) ** 2 + (y - height // 2) ** 2 < 36
        ramp = (x + y) * 100 // (height + width)
        frames.append(np.where(disc[..., None], (250, 200, 40), ramp[..., None]))
    return np.stack(frames).astype(np.uint8)


def noise(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (32, 64, 80, 3), np.uint8)


@pytest.fixture(params=["decord", "pyav"])
def decoder(request):
    if request.param == "decord":
        pytest.importorskip("decord")
    return request.param


def test_every_frame_comes_back_in_its_place(decoder):
    frames = moving_disc()
    decoded = decode_clip(encode_clip(frames, 10, 18), decoder)
    assert decoded.shape == frames.shape
    assert decoded.dtype == np.uint8
    distance = np.abs(decoded[:, None].astype(int) - frames[None]).mean(axis=(2, 3, 4))
    assert (distance.argmin(axis=1) == np.arange(32)).all()
    assert distance.diagonal().max() < 4


@pytest.mark.parametrize(
    "frames", [moving_disc(), noise(), moving_disc(7, 34, 50), moving_disc(9, 80, 72)]
)
def test_both_decoders_agree(frames):
    pytest.importorskip("decord")
    data = encode_clip(frames, 10, 18)
    one, other = decode_clip(data, "decord"), decode_clip(data, "pyav")
    assert one.shape == other.shape == frames.shape
    assert np.abs(one.astype(int) - other).max() <= 2


def test_random_access_by_decord_is_exact():
    decord = pytest.importorskip("decord")
    data = encode_clip(noise(), 10, 30)
    frames = decode_clip(data, "decord")
    for seed in range(5):
        indices = np.random.default_rng(seed).permutation(32)[:9]
        reader = decord.VideoReader(io.BytesIO(data), num_threads=1)
        assert np.array_equal(reader.get_batch(list(indices)).asnumpy(), frames[indices])


def test_the_file_has_the_layout_that_is_safe_for_random_access():
    data = encode_clip(noise(), 10, 18)
    with av.open(io.BytesIO(data), "r") as container:
        assert [stream.type for stream in container.streams] == ["video"]
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 10
        assert (stream.frames, stream.start_time) == (32, 0)
        packets = [packet for packet in container.demux(stream) if packet.size]
        times = [packet.pts * packet.time_base for packet in packets]
        assert [float(time) for time in times] == pytest.approx([n / 10 for n in range(32)])
        assert [packet.dts for packet in packets] == [packet.pts for packet in packets]
        keys = [index for index, packet in enumerate(packets) if packet.is_keyframe]
        assert keys[0] == 0
        assert max(np.diff([*keys, 32])) <= 16
    assert data.find(b"moov") < data.find(b"mdat"), "the index must come first"


def test_a_group_of_pictures_is_decodable_alone():
    data = encode_clip(noise(), 10, 18)
    whole = decode_clip(data, "pyav")
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        container.seek(16 * 1024, stream=stream)
        frame = next(container.decode(stream))
        assert frame.time == pytest.approx(1.6)
        assert np.array_equal(frame.to_ndarray(format="rgb24"), whole[16])


def test_another_process_encodes_the_same_bytes():
    runs = [
        subprocess.run([sys.executable, "-c", ENCODE], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    here = hashlib.sha256(encode_clip(noise(5), 10, 18)).hexdigest()
    assert [run.stdout.strip() for run in runs] == [here, here]


def test_a_larger_crf_makes_a_smaller_clip():
    assert len(encode_clip(noise(), 10, 35)) < len(encode_clip(noise(), 10, 18)) / 2


def test_a_single_frame_is_a_clip(decoder):
    assert decode_clip(encode_clip(noise()[:1], 10, 18), decoder).shape == (1, 64, 80, 3)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (noise()[:, :63], "even"),
        (noise()[:, :, :79], "even"),
        (noise()[:0], "uint8"),
        (noise()[..., :1], "uint8"),
        (noise().astype(np.float32), "uint8"),
        (noise()[0], "uint8"),
    ],
)
def test_frames_that_cannot_be_a_clip_are_refused(frames, message):
    with pytest.raises(ValueError, match=message):
        encode_clip(frames, 10, 18)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.9, 0.999])
def test_a_broken_clip_is_a_value_error(decoder, share):
    data = encode_clip(noise(), 10, 18)
    with pytest.raises(ValueError, match="clip of"):
        decode_clip(data[: int(share * len(data))], decoder)


def test_pyav_stands_in_where_decord_is_missing(monkeypatch, caplog):
    real_import = builtins.__import__

    def no_decord(name, *args, **kwargs):
        if name == "decord":
            raise ImportError("no wheel for arm64")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_decord)
    clipcodec_h264.import_decord.cache_clear()
    data = encode_clip(moving_disc(), 10, 18)
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(decode_clip(data, "decord"), decode_clip(data, "pyav"))
        decode_clip(data, "decord")
    assert [record.name for record in caplog.records] == ["shards.clipcodec_h264"]
    clipcodec_h264.import_decord.cache_clear()


def test_audio_survives_without_loss():
    samples = np.random.default_rng(0).integers(-32768, 32767, 51_200).astype(np.int16)
    data = encode_audio(samples, 16_000)
    decoded, hz = decode_audio(data)
    assert hz == 16_000
    assert decoded.dtype == np.int16
    assert np.array_equal(decoded, samples)
    assert encode_audio(samples, 16_000) == data
    assert data.startswith(b"fLaC")


@pytest.mark.parametrize("samples", [np.zeros((9, 2), np.int16), np.zeros(9, np.float32)])
def test_audio_that_is_not_mono_16_bit_is_refused(samples):
    with pytest.raises(ValueError, match="int16"):
        encode_audio(samples, 16_000)


def test_broken_audio_is_a_value_error():
    with pytest.raises(ValueError, match="audio of"):
        decode_audio(b"not audio")


def test_raw_frames_come_back_exactly():
    frames = noise()
    assert (decode_clip(encode_raw(frames), encoding="npy") == frames).all()
    assert encode_raw(frames) == encode_raw(frames.copy())


def test_a_raw_clip_that_would_run_code_is_refused():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"must be a \.npy"):
        decode_clip(buffer.getvalue(), encoding="npy")


@pytest.mark.parametrize("value", [np.zeros((2, 4, 4, 3), np.float32), np.zeros(7, np.uint8)])
def test_a_raw_clip_of_another_shape_or_type_is_refused(value):
    buffer = io.BytesIO()
    np.save(buffer, value)
    with pytest.raises(ValueError, match="must be uint8 of"):
        decode_clip(buffer.getvalue(), encoding="npy")


def sample_with_margin(encoding: str, data: bytes) -> Sample:
    meta = {"video_id": "v", "t0_s": 3.0, "t1_s": 6.0, "fps": 10, "n": 6, "margin": 2}
    sound_N = np.arange(16_000, dtype=np.int16)
    return Sample(meta | {"enc": encoding}, data, "", (), encode_audio(sound_N, 16_000))


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("mp4", lambda frames: encode_clip(frames, 10, 5)),
        ("jpgs", lambda frames: encode_jpegs(frames, 95)),
        ("npy", encode_raw),
    ],
)
def test_one_entry_reads_every_encoding_with_its_margins_and_without(encoding, encode):
    frames = moving_disc(10)
    sample = sample_with_margin(encoding, encode(frames))
    stored, own = stored_frames(sample, "pyav"), clip_frames(sample, "pyav")
    assert (len(stored), len(own)) == (10, 6)
    assert (stored[2:8] == own).all()
    assert np.abs(stored.astype(int) - frames).mean() < 4
    samples_N, hz = clip_audio(sample)
    assert hz == 16_000 and samples_N.tolist() == list(range(3200, 12_800))


def test_a_clip_with_too_few_frames_for_its_margins_is_refused():
    sample = sample_with_margin("npy", encode_raw(moving_disc(9)))
    with pytest.raises(ValueError, match="must have 10 frames, got 9"):
        stored_frames(sample)
