import tempfile

import numpy as np
import pytest

from configs.sources import LimitsConfig
from pipeline.media.errors import MediaError
from pipeline.media.hearing import HZ, hear_source


def heard(path, **limits):
    with tempfile.TemporaryFile() as sound:
        found = hear_source(path, LimitsConfig(**limits), sound)
        sound.seek(0)
        samples_N = np.frombuffer(sound.read(), np.int16)
    assert len(samples_N) == found.num_samples
    return found, samples_N


def onsets_s(samples_N) -> list[float]:
    loud = np.abs(samples_N.astype(float)).reshape(-1, HZ // 100).max(axis=1) > 3000
    return [place / 100 for place in range(1, len(loud)) if loud[place] and not loud[place - 1]]


def test_sound_stands_at_its_times_since_the_zero_of_the_video(tmp_path, make_video, make_beeps):
    at_s = [1.0, 31.5, 62.25]
    late = make_video(
        tmp_path / "a.mp4", num_frames=200, sound=make_beeps(65, at_s), sound_start_s=1.5
    )
    found, samples_N = heard(late)
    samples_N = samples_N[: len(samples_N) // 160 * 160]
    assert onsets_s(samples_N) == pytest.approx([at + 1.5 for at in at_s], abs=0.05)
    assert found.num_damaged == 0 and found.probe.has_audio


def test_a_video_without_sound_gives_none(tmp_path, make_video):
    found, samples_N = heard(make_video(tmp_path / "a.mp4", num_frames=40))
    assert len(samples_N) == 0 and not found.probe.has_audio


def test_a_video_with_a_text_track_is_not_listened_to(test_data):
    found, samples_N = heard(test_data / "narrated" / "nasa.mp4")
    assert found.probe.subtitles and len(samples_N) == 0


def test_a_torn_file_and_an_endless_one_are_refused_by_code(narrated, tmp_path):
    with pytest.raises(MediaError, match="E_MOOV"):
        heard(narrated / "torn.mp4")
    with pytest.raises(MediaError, match="E_HUGE"):
        heard(narrated / "ada.mp4", duration_s=2.0)
    with pytest.raises(MediaError, match="E_TIMEOUT"):
        heard(narrated / "ada.mp4", deadline_s=0.01)
