"""Videos whose containers do not tell how long they are, or tell of their last piece only."""

from fractions import Fraction

import av
import pytest

from pipeline.media.length import measure_end_s


@pytest.fixture
def unsaid(make_video, tmp_path):
    """A Matroska file as a live recording leaves it: without a duration."""
    path = make_video(tmp_path / "a.mkv", num_frames=75, fps=Fraction(25), options={"live": "1"})
    with av.open(str(path)) as container:
        assert container.duration is None
    return path


def test_the_packets_tell_where_it_ends(unsaid):
    assert measure_end_s(str(unsaid), 0) == 3


def test_a_cut_file_ends_where_it_is_cut(unsaid):
    whole = unsaid.read_bytes()
    unsaid.write_bytes(whole[: len(whole) // 2])
    assert 0.5 < measure_end_s(str(unsaid), 0) < 2.5


def test_a_joined_broadcast_is_as_long_as_its_pieces(make_video, tmp_path):
    path = make_video(tmp_path / "a.ts", num_frames=50, fps=Fraction(25))
    with av.open(str(path)) as container:
        start_s = container.streams[0].start_time * Fraction(1, 90_000)
    path.write_bytes(path.read_bytes() * 3)
    assert abs(measure_end_s(str(path), 0) - start_s - 6) < Fraction(1, 10)
