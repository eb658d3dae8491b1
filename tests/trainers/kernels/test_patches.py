"""Visual words of small pictures."""

import numpy as np
import pytest

from trainers.kernels.patches import describe, learn_vocabulary, patch_positions

RIGHT = np.tile(np.linspace(0, 200, 28), (28, 1))


def test_a_picture_has_a_descriptor_of_length_one_for_each_patch() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, size=(3, 28, 28), dtype=np.uint8)
    descriptor_NFG = describe(pictures)
    assert descriptor_NFG.shape == (3, 49, 32)
    assert patch_positions(28, 28).shape == (49, 2)
    assert np.linalg.norm(descriptor_NFG, axis=2) == pytest.approx(np.ones((3, 49)))


def test_it_tells_the_direction_of_a_gradient_not_how_bright_the_picture_is() -> None:
    a, b, dim, light = describe(np.stack([RIGHT, RIGHT.T, RIGHT / 4, RIGHT + 50]))
    assert abs((a * b).sum(axis=1)).max() < 1e-9
    assert dim == pytest.approx(a, abs=1e-9)
    assert light == pytest.approx(a, abs=1e-9)


def test_a_blank_patch_is_nothing_rather_than_rounding_made_large() -> None:
    picture = np.zeros((1, 28, 28), dtype=np.uint8)
    picture[0, :4, :4] = 255
    descriptor_NFG = describe(picture)
    assert np.linalg.norm(descriptor_NFG[0, 0]) == pytest.approx(1.0)
    assert not descriptor_NFG[0, 48].any()


def test_patches_lie_inside_the_picture_row_by_row() -> None:
    position_F2 = patch_positions(28, 28)
    assert position_F2[0].tolist() == [4 / 28, 4 / 28]
    assert position_F2[1].tolist() == [4 / 28, 7 / 28]
    assert position_F2.min() > 0
    assert position_F2.max() < 1
    with pytest.raises(ValueError, match="at least 8 pixels"):
        patch_positions(7, 28)


def test_a_vocabulary_is_that_of_its_seed_and_names_the_nearest_centre() -> None:
    rng = np.random.default_rng(1)
    descriptor_NFG = describe(rng.integers(0, 256, size=(20, 28, 28)))
    vocabulary = learn_vocabulary(descriptor_NFG, 5, seed=0)
    again = learn_vocabulary(descriptor_NFG, 5, seed=0)
    assert np.array_equal(vocabulary.centre_KG, again.centre_KG)
    words_NF = vocabulary.words(descriptor_NFG)
    apart = np.linalg.norm(descriptor_NFG[:, :, None] - vocabulary.centre_KG, axis=3)
    assert np.array_equal(words_NF, apart.argmin(axis=2))
