"""What a Gram matrix must be, and kernels of length one."""

import numpy as np
import pytest

from trainers.kernels.gram import check_psd, cosine, least_eigenvalue


def test_a_matrix_of_dot_products_passes_and_one_with_a_negative_direction_does_not() -> None:
    x_NF = np.random.default_rng(0).normal(size=(20, 5))
    check_psd(x_NF @ x_NF.T)
    with pytest.raises(ValueError, match="positive semi-definite, got an eigenvalue of -"):
        check_psd(x_NF @ np.diag([1, 1, 1, 1, -0.1]) @ x_NF.T)


def test_the_least_eigenvalue_is_a_share_of_the_largest() -> None:
    assert least_eigenvalue(np.diag([8.0, -2.0])) == pytest.approx(-0.25)
    assert least_eigenvalue(np.zeros((3, 3))) == 0.0


@pytest.mark.parametrize(
    ("gram_NN", "reason"),
    [
        (np.ones((2, 3)), "square"),
        (np.array([[1.0, 0.5], [0.4, 1.0]]), "symmetric"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "finite"),
    ],
)
def test_what_is_no_gram_matrix_is_refused(gram_NN: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        least_eigenvalue(gram_NN)


def test_cosine_gives_examples_length_one_and_leaves_nothing_at_nothing() -> None:
    x_NF = np.array([[3.0, 4.0], [0.0, 2.0], [0.0, 0.0]])
    gram_NN = x_NF @ x_NF.T
    own_N = gram_NN.diagonal()
    expected = [[1, 0.8, 0], [0.8, 1, 0], [0, 0, 0]]
    assert cosine(gram_NN, own_N, own_N) == pytest.approx(np.array(expected))
