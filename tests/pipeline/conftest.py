"""Little videos whose pixels say which frame they are, and little shards to look into."""

import hashlib
import json
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pytest

from pipeline.tasks.plan import PLAN_COLUMNS, Generation, Plan
from pipeline.tasks.planfile import save_plan
from shards.clipcodec import encode_audio, encode_clip
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.schema import Sample, Window, Word, split_of
from shards.write import ShardWriter

BITS_A_SIDE = 4
AUDIO_HZ = 16_000


def draw_number(number: int, width: int, height: int) -> np.ndarray:
    """Sixteen black or white blocks."""
    bits = [(number >> bit) & 1 for bit in range(BITS_A_SIDE**2)]
    blocks = 255 * np.array(bits, np.uint8).reshape(BITS_A_SIDE, BITS_A_SIDE)
    gray = np.kron(blocks, np.ones((height // BITS_A_SIDE, width // BITS_A_SIDE), np.uint8))
    return np.repeat(gray[:, :, None], 3, axis=2)


def read_number(picture: np.ndarray) -> int:
    """The number that a picture of any size shows."""
    height, width = picture.shape[:2]
    places = [(2 * place + 1) / (2 * BITS_A_SIDE) for place in range(BITS_A_SIDE)]
    bits = [picture[int(y * height), int(x * width), 0] > 128 for y in places for x in places]
    return sum(1 << place for place, bit in enumerate(bits) if bit)


def beeps(duration_s: float, at_s: list[float]) -> np.ndarray:
    """Silence with a 50 ms tone from each time on."""
    time_s = np.arange(round(duration_s * AUDIO_HZ)) / AUDIO_HZ
    on = np.zeros_like(time_s, bool)
    for start_s in at_s:
        on |= (time_s >= start_s) & (time_s < start_s + 0.05)
    return (on * 12_000 * np.sin(2 * np.pi * 1000 * time_s)).astype(np.int16)


def write_video(
    path: Path,
    *,
    fps: Fraction = Fraction(30),
    num_frames: int = 150,
    pts: list[int] | None = None,
    time_base: Fraction | None = None,
    size: tuple[int, int] = (128, 96),
    sound: np.ndarray | None = None,
    sound_start_s: float = 0.0,
    rotation: int = 0,
    sar: Fraction | None = None,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
) -> Path:
    """Frame k shows the number k, at `pts[k] * time_base`, or at k / fps."""
    pts = list(range(num_frames)) if pts is None else pts
    time_base = 1 / fps if time_base is None else time_base
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = time_base
        if sar is not None:
            stream.codec_context.sample_aspect_ratio = sar
        if rotation:
            stream.set_display_rotation(rotation)
        track = None
        if sound is not None:
            track = container.add_stream("aac", rate=AUDIO_HZ, layout="mono")
            frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
            frame.sample_rate = AUDIO_HZ
            frame.pts = round(sound_start_s * AUDIO_HZ)
            frame.time_base = Fraction(1, AUDIO_HZ)
        for number, at in enumerate(pts):
            picture = av.VideoFrame.from_ndarray(draw_number(number, *size), format="rgb24")
            picture.pts, picture.time_base = at, time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
        if track is not None:
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    return path


def write_vtt(path: Path, cues: list[tuple[float, float, str]]) -> Path:
    def stamp(seconds: float) -> str:
        minutes, rest = divmod(seconds, 60)
        return f"00:{int(minutes):02d}:{rest:06.3f}"

    blocks = [f"{stamp(start)} --> {stamp(end)}\n{text}\n" for start, end, text in cues]
    path.write_text("WEBVTT\n\n" + "\n".join(blocks))
    return path


@pytest.fixture(scope="session")
def make_video():
    return write_video


@pytest.fixture(scope="session")
def make_vtt():
    return write_vtt


@pytest.fixture(scope="session")
def number_of():
    return read_number


@pytest.fixture(scope="session")
def make_beeps():
    return beeps


@pytest.fixture(scope="session")
def narrated(tmp_path_factory) -> Path:
    """Three narrated videos and one that lacks its index. Do not write into it."""
    folder = tmp_path_factory.mktemp("narrated")
    for name, num_frames in (("ada", 150), ("bob", 180), ("cy", 120)):
        sound = beeps(num_frames / 30, [1.0, 3.0])
        write_video(folder / f"{name}.mp4", num_frames=num_frames, size=(64, 48), sound=sound)
        cues = [(0.5, 1.5, f"{name} takes one"), (2.0, 3.0, "then two"), (3.2, 3.9, "and three")]
        write_vtt(folder / f"{name}.vtt", cues)
    whole = (folder / "ada.mp4").read_bytes()
    (folder / "torn.mp4").write_bytes(whole[: len(whole) // 3])
    write_vtt(folder / "torn.vtt", [(0.0, 1.0, "nothing")])
    return folder


HOSTILE = "<script>alert('hi')</script> & {{7*7}} \x1b[31mred\x1b[0m"


def write_shards(out: Path) -> None:
    """Two bundles: cooking (3 clips), a hostile id (3), quiet (6, without sound), torn (none)."""
    rng = np.random.default_rng(0)
    ramp_T = np.linspace(0, 255, 32).astype(np.uint8)
    frames_THWC = np.broadcast_to(ramp_T[:, None, None, None], (32, 36, 64, 3))
    clip = encode_clip(frames_THWC, 10, 30)
    sound = encode_audio(rng.integers(-9000, 9000, 51_200, np.int16), AUDIO_HZ)
    bundles = {
        "000000": {"cooking/eggs": ("crack the eggs", 3), f"odd {HOSTILE}": (HOSTILE, 3)},
        "000001": {"quiet": ("nothing is said", 6)},
    }
    sources = [
        {"video_id": video_id, "bundle": int(bundle), "bytes": 123_456, "digest": bytes(16)}
        for bundle, videos in bundles.items()
        for video_id in sorted([*videos, f"torn {bundle}"])
    ]
    generations = tuple(Generation(int(bundle), 1) for bundle in bundles)
    plan = Plan("settings", generations, pa.Table.from_pylist(sources, schema=PLAN_COLUMNS))
    out.mkdir(parents=True)
    save_plan(str(out), plan)
    for bundle, videos in bundles.items():
        lost = f"torn {bundle}"
        with ShardWriter(str(out), bundle, max_bytes=2**24, max_samples=4) as writer:
            for video_id, (text, count) in videos.items():
                for place in range(count):
                    sample = _sample(video_id, 4.0 * place, text, clip)
                    is_quiet = video_id == "quiet"
                    split = split_of(video_id, 0.1, 0.1)
                    writer.add(replace(sample, audio=None if is_quiet else sound), split)
            parts = writer.finish()
        rejects = [
            _reject_row(lost, "E_MOOV", bundle, clips=0),
            _reject_row(next(iter(videos)), "E_DUPFRAMES", bundle, t0_s=33.3),
        ]
        planned = {video_id: count for video_id, (_, count) in videos.items()} | {lost: 0}
        planned[next(iter(videos))] += 1
        rows = [
            _video_row(video_id, written=count, planned=planned[video_id])
            for video_id, (_, count) in videos.items()
        ]
        rows.append(_video_row(lost, written=0, planned=0))
        record = BundleRecord(bundle, plan.fingerprints()[bundle], planned, parts, rejects, rows)
        commit_bundle(str(out), record)
    plan_reject = _reject_row("nowhere", "E_CAPNOVIDEO", "", clips=0)
    fold(str(out), sorted(bundles), [plan_reject])
    settings = {"clips": {"fps": 10, "policy": "per_window"}}
    settings["shards"] = {"val_share": 0.1, "test_share": 0.1}
    (out / "settings.json").write_text(json.dumps(settings))


def _sample(video_id: str, start_s: float, text: str, clip: bytes) -> Sample:
    words = (Word("near", start_s + 1, start_s + 1.5), Word("words", start_s + 3.5, start_s + 4))
    windows = (
        Window(2, start_s + 1, start_s + 2, text, (), 1.0, 0.1),
        Window(3, start_s + 1, start_s + 4, "near words", words, 2.2, 0.9),
        Window(1, max(0.0, start_s - 2), start_s, "before it", (), 0.0, 2.6),
    )
    meta = {
        "video_id": video_id, "t0_s": start_s, "t1_s": start_s + 3.2, "fps": 10, "n": 32,
        "pts_s": [start_s + number / 10 for number in range(32)], "dup": [False] * 31 + [True],
        "w": 640, "h": 360, "rot": 0, "sar": "1:1", "codec": "h264", "lang": "en",
        "flags": ["W_VFR"], "src": {"bytes": 123_456, "sha256": _sha256(video_id)},
        "build": {"code": 2, "cfg": "cafe"},
    }  # fmt: skip
    return Sample(meta, clip, text, windows)


def _sha256(video_id: str) -> str:
    """Two of the videos are twins."""
    if video_id in ("cooking/eggs", "quiet"):
        return "ab" * 32
    return hashlib.sha256(video_id.encode()).hexdigest()


def _reject_row(
    video_id: str, code: str, bundle: str, clips: int = 1, t0_s: float | None = None
) -> dict:
    return {
        "video_id": video_id, "code": code, "stage": "decode", "detail": f"{code} {HOSTILE}",
        "clips": clips, "t0_s": t0_s, "bundle": bundle, "attempt": 1, "source": f"{video_id}.mp4",
    }  # fmt: skip


def _video_row(video_id: str, written: int, planned: int) -> dict:
    return {
        "video_id": video_id, "name": f"{video_id}.mp4", "bytes": 123_456,
        "sha256": _sha256(video_id),
        "num_words": 9, "narrated_s": 3.0 if not written else 30.0,
        "narration_end_s": 63.0 if video_id == "quiet" else 50.0,
        "duration_s": 60.0, "codec": "h264", "width": 640, "height": 360, "fps": 29.97,
        "lang": "en", "caption_format": "vtt", "flags": ["W_VFR"], "planned": planned,
        "written": written, "rejected": planned - written, "extra": "",
    }  # fmt: skip


@pytest.fixture(scope="session")
def little_shards(tmp_path_factory) -> str:
    """Whole shards of twelve clips, see `write_shards`. Do not write into them."""
    out = tmp_path_factory.mktemp("little") / "out"
    write_shards(out)
    return str(out)


@pytest.fixture
def built_shards(little_shards, tmp_path) -> str:
    """The same, to be damaged."""
    shutil.copytree(little_shards, tmp_path / "shards")
    return str(tmp_path / "shards")


@pytest.fixture
def heeded_sigint() -> Iterator[None]:
    """A shell ignores SIGINT for what it starts in the background, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
