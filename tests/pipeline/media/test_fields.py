"""Interlaced video gives whole pictures, one a frame, each with the note of its own frame."""

import subprocess

import av
import imageio_ffmpeg
import numpy as np
import pytest

from pipeline.media.fields import Deinterlacer


@pytest.fixture(scope="module")
def interlaced(tmp_path_factory):
    """A white bar that moves fast, in two fields a frame."""
    path = tmp_path_factory.mktemp("fields") / "a.mp4"
    bar = "color=black:s=192x96:r=50:d=2,drawbox=x=20:w=40:c=white:t=fill,scroll=h=0.05"
    words = ["-f", "lavfi", "-i", f"{bar},interlace=scan=tff,setfield=tff,format=yuv420p"]
    words += ["-c:v", "libx264", "-crf", "4", "-flags", "+ilme+ildct", "-x264-params", "tff=1"]
    done = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *words, str(path)], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def run(frames):
    fields: Deinterlacer[int] = Deinterlacer()
    found = [pair for place, frame in enumerate(frames) for pair in fields.push(frame, place)]
    return [*found, *fields.finish()]


def comb(frame) -> float:
    """How much lines differ from the mean of their neighbours: high where two moments are woven."""
    rows = frame.to_ndarray(format="gray").astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


def test_each_frame_gives_one_picture_at_its_own_time(interlaced):
    assert all(frame.interlaced_frame for frame in interlaced)
    found = run(interlaced)
    assert [place for _, place in found] == list(range(len(interlaced)))
    times = [picture.pts * picture.time_base for picture, _ in found]
    assert times == [frame.pts * frame.time_base for frame in interlaced]


def test_the_comb_is_gone(interlaced):
    before = np.mean([comb(frame) for frame in interlaced])
    after = np.mean([comb(picture) for picture, _ in run(interlaced)])
    assert before > 5 and after < before / 4


@pytest.mark.parametrize("num_frames", [1, 2, 3])
def test_a_few_frames_are_not_lost(interlaced, num_frames):
    assert [place for _, place in run(interlaced[:num_frames])] == list(range(num_frames))


def test_whole_frames_pass_through_untouched(make_video, tmp_path):
    with av.open(str(make_video(tmp_path / "a.mp4", num_frames=5))) as container:
        frames = list(container.decode(video=0))
    assert [picture for picture, _ in run(frames)] == frames


def test_a_change_of_size_starts_anew(interlaced):
    smaller = [frame.reformat(96, 48) for frame in interlaced[:3]]
    found = run([*interlaced[:4], *smaller, *interlaced[4:6]])
    assert [place for _, place in found] == list(range(9))
    assert [picture.width for picture, _ in found] == [192] * 4 + [96] * 3 + [192] * 2
