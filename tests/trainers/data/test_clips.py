import numpy as np
import pytest

from configs.data import DataConfig
from trainers.data.clips import augment, draw_start, jitter, resize_short_side

CONFIG = DataConfig(num_frames=8, size=16, resize=20)


def numbered_clip(num_frames=32, height=20, width=30):
    frames = np.zeros((num_frames, height, width, 3), np.uint8)
    frames[..., 0] = np.arange(num_frames)[:, None, None]
    frames[..., 1] = np.arange(height)[None, :, None]
    frames[..., 2] = np.arange(width)[None, None, :]
    return frames


def test_without_randomness_the_middle_is_taken():
    clip = augment(numbered_clip(), CONFIG, None)
    assert clip.shape == (8, 16, 16, 3)
    assert clip[:, 0, 0, 0].tolist() == list(range(1, 33, 4))
    assert clip[0, :, 0, 1].tolist() == list(range(2, 18))
    assert clip[0, 0, :, 2].tolist() == list(range(7, 23))


def test_phase_place_and_flip_vary_with_the_seed_and_only_with_it():
    clips = [augment(numbered_clip(), CONFIG, np.random.default_rng(seed)) for seed in range(40)]
    again = [augment(numbered_clip(), CONFIG, np.random.default_rng(seed)) for seed in range(40)]
    for one, other in zip(clips, again, strict=True):
        assert (one == other).all()
    assert {int(clip[0, 0, 0, 0]) for clip in clips} == {0, 1, 2, 3}
    assert {int(clip[0, 0, 0, 1]) for clip in clips} == {0, 1, 2, 3, 4}
    flipped = {bool(clip[0, 0, 0, 2] > clip[0, 0, 1, 2]) for clip in clips}
    assert flipped == {True, False}


def test_the_stride_is_even_whatever_is_left_over():
    clip = augment(numbered_clip(31), CONFIG, None)
    assert np.diff(clip[:, 0, 0, 0]).tolist() == [3] * 7


def test_flip_can_be_turned_off():
    config = CONFIG.model_copy(update={"flip": False})
    for seed in range(20):
        clip = augment(numbered_clip(), config, np.random.default_rng(seed))
        assert clip[0, 0, 0, 2] < clip[0, 0, 1, 2]


def test_a_clip_with_too_few_frames_is_refused():
    with pytest.raises(ValueError, match=r"data\.num_frames = 8 .* got 5"):
        augment(numbered_clip(5), CONFIG, None)


@pytest.mark.parametrize(("height", "width"), [(40, 60), (60, 40), (10, 15)])
def test_the_short_side_is_scaled_and_the_aspect_kept(height, width):
    clip = resize_short_side(np.full((4, height, width, 3), 77, np.uint8), 20)
    assert clip.shape[1:3] == (20 * height // min(height, width), 20 * width // min(height, width))
    assert clip.dtype == np.uint8
    assert (clip == 77).all()


def shown(stored, margin, random):
    return jitter(stored, margin, draw_start(margin, random))


def test_jitter_shifts_the_window_by_up_to_the_margin_either_way():
    stored = numbered_clip(num_frames=12)
    starts = {int(shown(stored, 2, np.random.default_rng(seed))[0, 0, 0, 0]) for seed in range(60)}
    assert starts == {0, 1, 2, 3, 4}
    shifted = shown(stored, 2, np.random.default_rng(3))
    assert np.diff(shifted[:, 0, 0, 0]).tolist() == [1] * 7


def test_without_randomness_the_clip_between_its_margins_is_taken():
    assert shown(numbered_clip(num_frames=12), 2, None)[:, 0, 0, 0].tolist() == list(range(2, 10))


def test_a_clip_without_margins_costs_no_draw():
    random = np.random.default_rng(0)
    assert len(shown(numbered_clip(), 0, random)) == 32
    assert random.random() == np.random.default_rng(0).random()
