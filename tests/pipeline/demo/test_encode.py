"""Encoding: the asked frames at the asked rate, and errors that say what ffmpeg said."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.demo.encode import encode_video

SOUND = np.zeros(22_050, np.int16)


def _grey(num_frames: int) -> np.ndarray:
    levels = np.linspace(30, 220, num_frames).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (num_frames, 64, 80, 3))


@pytest.mark.parametrize("fps", [Fraction(25, 2), Fraction(15)])
def test_frames_come_back_in_order_at_their_times(tmp_path: Path, fps: Fraction) -> None:
    path = tmp_path / "a.mp4"
    frames = _grey(15)
    encode_video(path, [frames[:7], frames[7:]], fps, SOUND, 22_050)
    with av.open(str(path)) as container:
        decoded = [
            (frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]
        audio = container.streams.audio[0]
        assert (audio.rate, audio.channels) == (22_050, 1)
    assert [time_s for time_s, _ in decoded] == pytest.approx(np.arange(15) / float(fps), abs=1e-3)
    means = [pixels.mean() for _, pixels in decoded]
    assert means == pytest.approx(frames[:, 0, 0, 0], abs=4)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mp4"]


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        encode_video(tmp_path / name, [_grey(10)], Fraction(15), SOUND, 22_050)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_no_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one frame, got none"):
        encode_video(tmp_path / "a.mp4", [], Fraction(15), SOUND, 22_050)


def test_a_failure_says_what_ffmpeg_said(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(RuntimeError, match=r"a\.mp4, got exit code"):
        encode_video(tmp_path / "a.mp4", [_grey(2)], Fraction(15), SOUND, 22_050)
    assert not (tmp_path / "a.pcm").exists()
