"""Little videos whose pixels say which frame they are, so that frame truth can be checked."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

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
