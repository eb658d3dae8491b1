"""Tests of trainers/words/vectors.py."""

from pathlib import Path

import numpy as np
import pytest

from trainers.words.vectors import (
    Vectors,
    joined,
    read_npz,
    read_word2vec,
    start_rows,
    with_random,
    write_word2vec,
)

TWO = Vectors(("cup", "tea"), np.array([[3, 4], [0, 2]], np.float32))


def test_an_unknown_word_has_the_mean_vector() -> None:
    assert TWO.of(["zzz", "cup"]).tolist() == [[1.5, 3], [3, 4]]


def test_both_sides_of_a_joined_vector_have_length_one() -> None:
    both = joined(TWO, Vectors(("tea",), np.array([[0, 0, 9]])))
    assert both.of(["cup", "tea"]).tolist() == [[0.6, 0.8, 0, 0, 1], [0, 1, 0, 0, 1]]
    control = with_random(TWO, 5, seed=3)
    assert np.allclose(np.linalg.norm(control.table_VD[:, 2:], axis=1), 1)
    assert np.array_equal(control.table_VD, with_random(TWO, 5, seed=3).table_VD)


def test_word2vec_text_reads_back_bit_for_bit(tmp_path: Path) -> None:
    table = np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)
    table[0, 0], table[1, 1] = 1e-40, -0.0
    write_word2vec(Vectors(("a", "b's", "\u00fc"), table), tmp_path / "v.txt")
    read = read_word2vec(tmp_path / "v.txt")
    assert read.words == ("a", "b's", "\u00fc")
    assert read.table_VD.tobytes() == table.tobytes()
    assert (tmp_path / "v.txt").read_text().startswith("3 7\na ")


def test_what_the_text_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no white space"):
        write_word2vec(Vectors(("a b",), np.zeros((1, 2))), tmp_path / "v.txt")
    (tmp_path / "v.txt").write_text("2 2\na 1 2\n")
    with pytest.raises(ValueError, match="2 words of 2 numbers"):
        read_word2vec(tmp_path / "v.txt")


def test_npz_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", words=np.array(["x"]), vectors=np.ones((1, 2), np.float16))
    assert read_npz(tmp_path / "v.npz").of(["x"]).tolist() == [[1, 1]]


def test_a_tower_begins_with_the_vectors_of_its_words() -> None:
    table = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32) * 5
    started, taken = start_rows(TWO, ["tea", "zzz", "cup"], table)
    assert taken == 2
    assert np.array_equal(started[[0, 2]], table[[0, 2]])
    scale = table[1:].std() / TWO.table_VD.std()
    assert np.allclose(started[[1, 3]], TWO.table_VD[[1, 0]] * scale)
    with pytest.raises(ValueError, match="3 wide as the tower, got 2"):
        start_rows(TWO, ["tea"], np.zeros((2, 3), np.float32))
