from fractions import Fraction

import av
import numpy as np

from pipeline.media.sound import SoundTrack

HZ = 16_000


def frame(start_s: float, num_samples: int, value: int = 1000, layout: str = "mono"):
    num_channels = av.AudioLayout(layout).nb_channels
    samples_N = np.full((1, num_samples * num_channels), value, np.int16)
    made = av.AudioFrame.from_ndarray(samples_N, format="s16", layout=layout)
    made.sample_rate, made.pts, made.time_base = HZ, round(start_s * HZ), Fraction(1, HZ)
    return made


def test_a_gap_is_silence():
    track = SoundTrack(HZ, Fraction(0))
    track.push(frame(0.0, 1600))
    track.push(frame(0.5, 1600))
    track.finish()
    sound_N = track.take(0, 9600)
    assert sound_N[:1600].all() and not sound_N[1600:8000].any() and sound_N[8000:9600].all()


def test_sound_before_zero_is_cut_off():
    track = SoundTrack(HZ, Fraction(1))
    track.push(frame(0.95, 1600))
    track.finish()
    assert track.take(0, 1600).astype(bool).sum() == 800


def test_what_is_forgotten_is_not_kept_but_the_rest_is():
    track = SoundTrack(HZ, Fraction(0))
    for place in range(10):
        track.push(frame(place / 10, 1600, value=place + 1))
    track.finish()
    track.forget(8000)
    assert not track.take(0, 8000).any()
    assert set(track.take(8000, 16_000)) == {6, 7, 8, 9, 10}


def test_a_broadcast_that_changes_its_channels_goes_on_without_a_gap():
    track = SoundTrack(HZ, Fraction(0))
    for place, layout in enumerate(("stereo", "stereo", "5.1", "mono")):
        track.push(frame(place / 10, 1600, layout=layout))
    track.finish()
    assert track.position == 6400 and track.take(0, 6400).all()
