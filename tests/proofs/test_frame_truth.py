"""Every frame of a clip is the source frame nearest in time, by the word of another FFmpeg.

The oracle is the `ffmpeg` program of imageio-ffmpeg, another build and version than PyAV's: it
decodes a file from front to back and tells time and picture of each frame. Sources are drawn so
that each frame shows its number, or are ffmpeg's moving test picture.
"""

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media.decode import decode_source, make_request
from pipeline.media.errors import MediaError
from shards.clipcodec import decode_audio, decode_clip

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SIDE = 96
NUM_FRAMES = 8
STEP = 3
BITS = 4
TIE_S = Fraction(11, 10_000)
"""Two frames this near to equally far are both right: containers round to a millisecond."""

X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-pix_fmt", "yuv420p"]
OPEN_264 = [*X264, "-bf", "3", "-x264-params", "open-gop=1:keyint=20:min-keyint=20:scenecut=0"]
OPEN_265 = ["-c:v", "libx265", "-preset", "ultrafast", "-crf", "12", "-pix_fmt", "yuv420p10le",
            "-x265-params", "open-gop=1:keyint=20:min-keyint=20:bframes=4:log-level=none",
            "-tag:v", "hvc1"]  # fmt: skip
MPEG4 = ["-c:v", "mpeg4", "-q:v", "2", "-bf", "2", "-g", "20"]
DROPPED = ["-vf", "select='lt(mod(n,17),11)*not(between(n,60,75))'", "-fps_mode", "passthrough"]

RATES = ["24000/1001", "24", "25", "30000/1001", "50", "60"]
KINDS = {
    "open_gop.mp4": OPEN_264,
    "open_gop.mkv": OPEN_264,
    "open_gop.ts": OPEN_264,
    "open_gop_x265_10bit.mp4": OPEN_265,
    "open_gop_x265_10bit.mkv": OPEN_265,
    "b_frames.avi": MPEG4,
    "variable_rate.mkv": [*DROPPED, *X264],
    "variable_rate.mp4": [*DROPPED, *OPEN_264],
    "fragmented.mp4": [*OPEN_264, "-movflags", "+frag_keyframe+empty_moov"],
    "mpeg2.mpg": ["-c:v", "mpeg2video", "-q:v", "2", "-bf", "2", "-g", "15"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "12"],
    "clock_wraps.ts": [*OPEN_264, "-output_ts_offset", "95440"],
    "starts_late.mkv": [*OPEN_264, "-output_ts_offset", "7.3"],
    "interlaced.mp4": [
        *X264,
        "-flags",
        "+ilme+ildct",
        "-x264-params",
        "tff=1",
        "-vf",
        "setfield=tff",
    ],
    "interlaced.mpg": [
        "-c:v",
        "mpeg2video",
        "-q:v",
        "2",
        "-bf",
        "2",
        "-flags",
        "+ilme+ildct",
        "-vf",
        "setfield=tff",
    ],
    "bright_pq.mp4": [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-crf",
        "12",
        "-pix_fmt",
        "yuv420p10le",
        "-color_trc",
        "smpte2084",
        "-color_primaries",
        "bt2020",
        "-colorspace",
        "bt2020nc",
        "-x265-params",
        "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
    ],
}
QUICK = ["open_gop.mp4", "open_gop_x265_10bit.mkv", "b_frames.avi", "variable_rate.mp4",
         "clock_wraps.ts", "interlaced.mp4"]  # fmt: skip
COPIES = {
    "cut_at_2_3.mp4": (["-ss", "2.3"], ["-c", "copy", "-t", "3"]),
    "cut_at_0_9.mkv": (["-ss", "0.9"], ["-c", "copy"]),
    "turned.mp4": (["-display_rotation", "90"], ["-c", "copy"]),
    "remuxed.ts": ([], ["-c", "copy"]),
    "remuxed.flv": ([], ["-c", "copy"]),
}
FLAGS = {
    "open_gop": {"W_OPENGOP"},
    "open_gop_x265": {"W_OPENGOP", "W_10BIT"},
    "variable_rate": {"W_VFR"},
    "interlaced": {"W_INTERLACED"},
    "bright": {"W_HDR", "W_10BIT"},
    "cut_at_2_3": {"W_EDITLIST"},
    "starts_late": {"W_STARTTIME"},
    "turned": {"W_ROT"},
}
"""What must be said of the sources whose names begin so."""
NUM_VIDEO_STREAM = {"v15_two_videos.mp4": 1, "nasa.mp4": 1}
# v09 is one frame, shorter than any clip.
WHOLE = [f"v{number:02d}" for number in range(1, 25) if number != 9]


def ffmpeg(*words: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [FFMPEG, "-hide_banner", "-nostdin" if data is None else "-y", "-y", *words],
        input=data, capture_output=True, check=True, timeout=280,
    )  # fmt: skip


def draw(num_frames: int) -> bytes:
    """Gray frames of 16 blocks, black or white, that spell the number of the frame."""
    bits = (np.arange(num_frames)[:, None] >> np.arange(BITS**2)) & 1
    blocks = (255 * bits).astype(np.uint8).reshape(num_frames, BITS, BITS)
    return np.kron(blocks, np.ones((1, SIDE // BITS, 128 // BITS), np.uint8)).tobytes()


def read_numbers(gray_NHW: np.ndarray) -> list[int]:
    height, width = gray_NHW.shape[1:]
    places = [(2 * place + 1) / (2 * BITS) for place in range(BITS)]
    return [
        sum(
            1 << (BITS * row + column)
            for row, y in enumerate(places)
            for column, x in enumerate(places)
            if picture[int(y * height), int(x * width)] > 128
        )
        for picture in gray_NHW
    ]


def write(path: Path, words: list[str], rate: str = "30", seconds: float = 6.0) -> Path:
    data = draw(int(Fraction(rate) * Fraction(seconds)))
    raw = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"128x{SIDE}", "-r", rate, "-i", "-"]
    ffmpeg(*raw, *words, str(path), data=data)
    return path


def oracle(
    path: Path, stream: int, size: tuple[int, int], *, has_audio: bool, seconds: float
) -> tuple[list[Fraction], np.ndarray]:
    """Times since the container's zero, and gray pictures of (N, height, width).

    Sound is read along: in a broadcast, ffmpeg counts from the first of the streams it uses.
    """
    sound = ["-map", "0:a:0", "-c", "copy", "-f", "null", "-"] if has_audio else []
    filters = f"showinfo,scale={size[0]}:{size[1]}:flags=bicubic,format=gray"
    done = ffmpeg(
        "-i", f"file:{path}", "-map", f"0:v:{stream}", "-fps_mode", "passthrough",
        "-vf", filters, "-t", str(seconds + 3), "-f", "rawvideo", "-", *sound,
    )  # fmt: skip
    log = done.stderr.decode("utf-8", "replace")
    base = Fraction(re.findall(r"config in time_base: (\d+/\d+)", log)[0])
    times = [int(pts) * base for pts in re.findall(r"\] n: *\d+ pts: *(-?\d+)", log)]
    pictures = np.frombuffer(done.stdout, np.uint8).reshape(-1, size[1], size[0])
    # The filter sees a frame more than `-t` lets through.
    assert len(times) >= len(pictures)
    times = times[: len(pictures)]
    order = sorted(range(len(times)), key=times.__getitem__)
    return [times[place] for place in order], pictures[order]


def cut(
    path: Path,
    fps: int = 10,
    num_frames: int = NUM_FRAMES,
    starts: list[int] | None = None,
    seconds: float = 1e6,
):
    """Clips, by default all in steps: [(slot, gray pictures, claimed times)], sound by slot."""
    clips = ClipsConfig(
        fps=fps, num_frames=num_frames, short_side=SIDE, crf=1, max_duplicate_share=1
    )
    limits = LimitsConfig()
    found, sound = [], {}

    def plan(probe):
        assert probe.duration_s is not None
        last = int(min(probe.duration_s, seconds) * fps) - num_frames
        return range(0, max(0, last) + 1, STEP) if starts is None else starts

    def take(message, block):
        if message["kind"] == "clip":
            mp4 = block[: message["clip_bytes"]]
            frames_THWC = decode_clip(mp4, "pyav").astype(np.float32)
            gray_THW = frames_THWC @ np.array([0.299, 0.587, 0.114], np.float32)
            found.append((message["slot"], gray_THW, message["pts_s"]))
            if len(block) > len(mp4):
                sound[message["slot"]] = decode_audio(block[len(mp4) :])[0]

    summary = decode_source(make_request(path, clips, limits), limits, plan, take)[1]
    return found, sound, summary


def acceptable(times: list[Fraction], at: Fraction) -> set[int]:
    distances = [abs(time - at) for time in times]
    least = min(distances)
    return {place for place, far in enumerate(distances) if far <= least + TIE_S}


def differences(one_ND: np.ndarray, two_MD: np.ndarray) -> np.ndarray:
    """Mean square difference of each picture from each other one, (M, N)."""
    one, two = one_ND.astype(np.float32) - 128, two_MD.astype(np.float32) - 128
    squares = (two**2).sum(axis=1)[:, None] + (one**2).sum(axis=1)[None]
    return (squares - 2 * two @ one.T) / one.shape[1]


def check(
    path: Path, *, drawn: bool, stream: int = 0, seconds: float = 1e6, noise: float = 1.0
) -> int:
    """Number of frames that were compared; every one is right."""
    found, sound, summary = cut(path, seconds=seconds)
    assert found, f"{path.name} gave no clip"
    for start, flags in FLAGS.items():
        assert not path.name.startswith(start) or flags <= set(summary.flags), summary.flags
    if path.name == "a.mp4":
        assert set(summary.flags) == {"W_NOAUDIO"}
    height, width = found[0][1].shape[1:]
    times, pictures = oracle(path, stream, (width, height), has_audio=bool(sound), seconds=seconds)
    numbers = read_numbers(pictures) if drawn else []
    shown_THW = np.concatenate([gray_THW for _, gray_THW, _ in found])
    shown = read_numbers(shown_THW) if drawn else []
    far = (
        []
        if drawn
        else differences(*(each.reshape(len(each), -1) for each in (pictures, shown_THW)))
    )
    num_frames = 0
    for slot, gray_THW, claimed in found:
        for place in range(len(gray_THW)):
            right = acceptable(times, Fraction(slot + place, 10))
            what = f"{path.name}, slot {slot} + {place}, claimed {claimed[place]}"
            assert min(abs(float(times[one]) - claimed[place]) for one in right) < 0.0025, what
            if drawn:
                assert shown[num_frames] in {numbers[one] for one in right}, what
            else:
                errors = far[num_frames]
                assert min(errors[one] for one in right) <= errors.min() + noise, what
            num_frames += 1
    return num_frames


@pytest.mark.parametrize("rate", RATES)
def test_every_rate(tmp_path, rate):
    assert check(write(tmp_path / "a.mp4", X264, rate, 4.0), drawn=True) > 50


@pytest.mark.parametrize("kind", QUICK)
def test_awkward_kinds_quickly(tmp_path, kind):
    assert check(write(tmp_path / kind, KINDS[kind], "25", 4.0), drawn=True) > 50


@pytest.mark.parametrize("name", COPIES)
def test_copies_without_decoding(tmp_path, name):
    source = write(tmp_path / "source.mp4", OPEN_264, "25")
    before, after = COPIES[name]
    ffmpeg(*before, "-i", str(source), *after, str(tmp_path / name))
    if name.startswith("turned"):
        assert check(tmp_path / name, drawn=False) > 50
    else:
        assert check(tmp_path / name, drawn=True) > 50


def test_a_broadcast_whose_clock_starts_anew_goes_on(tmp_path):
    piece = write(tmp_path / "piece.ts", OPEN_264, "25", 4.0).read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(piece + piece)
    found, _, summary = cut(path)
    assert "W_DISCONT" in summary.flags and "W_BACKWARD" not in summary.flags
    assert max(slot for slot, _, _ in found) > 60
    assert check(path, drawn=True) > 150


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", RATES)
def test_every_kind_at_every_rate(tmp_path, figures, kind, rate):
    num_frames = check(write(tmp_path / kind, KINDS[kind], rate, 8.0), drawn=True)
    figures(frames_compared=num_frames, wrong=0)


@pytest.mark.slow
@pytest.mark.parametrize("number", WHOLE)
def test_the_valid_files_of_the_nasty_corpus(nasty_corpus, figures, number):
    (path,) = nasty_corpus.glob(f"{number}_*")
    num_frames = check(path, drawn=False, stream=NUM_VIDEO_STREAM.get(path.name, 0))
    figures(frames_compared=num_frames, wrong=0)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["narrated", "silent", "signs", "nasty_media"])
def test_real_videos(test_data, figures, folder):
    """Their first 12 s; those that give no clip at all are counted."""
    num_frames, wrong, without = 0, [], []
    for path in sorted((test_data / folder).iterdir()):
        if path.suffix in (".vtt", ".srt", ".json", ".txt", ".md", ".csv"):
            continue
        try:
            num_frames += check(path, drawn=False, stream=NUM_VIDEO_STREAM.get(path.name, 0),
                                seconds=12, noise=3.0)  # fmt: skip
        except MediaError as error:
            without.append(f"{path.name}: {error.code}")
        except AssertionError as error:
            (without if "gave no clip" in str(error) else wrong).append(str(error)[:200])
    figures(frames_compared=num_frames, wrong=len(wrong), files_without_clips=len(without))
    assert wrong == [], wrong


BEEPS = {
    "a.mp4": ([], []),
    "starts_late.mkv": ([], ["-output_ts_offset", "2.5"]),
    "broadcast.ts": ([], []),
    "program.mpg": ([], ["-c:v", "mpeg2video", "-q:v", "2", "-c:a", "mp2"]),
    "cut.mp4": (["-ss", "1.3"], ["-c", "copy"]),
}


@pytest.mark.parametrize("name", BEEPS)
def test_picture_sound_and_text_share_one_zero(tmp_path, name):
    """Flash and beep together at 3.0 s: 1.7 s in the file whose first 1.3 s are cut off."""
    source = tmp_path / "source.mp4"
    flash = "testsrc2=s=128x96:r=50:d=6,drawbox=c=white:t=fill:enable='between(t,3,3.199)'"
    beep = "aevalsrc='0.5*sin(6283*t)*between(t,3,3.2)':s=48000:d=6"
    ffmpeg("-f", "lavfi", "-i", flash, "-f", "lavfi", "-i", beep, *X264, "-g", "25", "-bf", "2",
           "-c:a", "aac", str(source))  # fmt: skip
    before, after = BEEPS[name]
    path = tmp_path / f"out_{name}"
    ffmpeg(*before, "-i", str(source), *(after or ["-c", "copy"]), str(path))
    text_s = 1.7 if name == "cut.mp4" else 3.0
    slot = int(text_s * 50) - 25
    ((_, gray_THW, _),), sound, _ = cut(path, fps=50, num_frames=50, starts=[slot])
    picture_s = slot / 50 + np.flatnonzero(gray_THW.mean(axis=(1, 2)) > 220)[0] / 50
    sound_s = slot / 50 + np.flatnonzero(np.abs(sound[slot].astype(int)) > 3000)[0] / 16_000
    assert abs(picture_s - sound_s) < 0.05
    assert abs(picture_s - text_s) < 0.05
    assert abs(sound_s - text_s) < 0.05
