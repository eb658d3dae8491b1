import pytest

from trainers.data.tokenizer import train_tokenizer
from trainers.data.words import read_words, write_words
from trainers.weights.vocabulary import fit_vocabulary, vocabulary_beside

MODEL = write_words(["egg", "leek", "fry"])


def test_a_vocabulary_of_the_right_size_stays_as_it_is():
    assert fit_vocabulary(MODEL, 4) == (MODEL, "")


def test_words_without_a_row_are_left_out_and_named():
    model, note = fit_vocabulary(MODEL, 3)
    assert read_words(model) == ["egg", "leek"]
    assert "1 words" in note and "'fry'" in note


def test_rows_without_a_word_are_told():
    model, note = fit_vocabulary(MODEL, 6)
    assert read_words(model) == ["egg", "leek", "fry", "", ""]
    assert "2 rows" in note


def test_pieces_must_fit():
    pieces = train_tokenizer(["chop the leek"], 64)
    with pytest.raises(ValueError, match="must have 3 pieces"):
        fit_vocabulary(pieces, 3)


def test_the_vocabulary_lies_beside_its_weights(tmp_path):
    path = tmp_path / "epoch1.pth.tar"
    assert vocabulary_beside(path, MODEL) == tmp_path / "epoch1.npy"
    assert vocabulary_beside(path, b"pieces") == tmp_path / "epoch1.model"
    with pytest.raises(FileNotFoundError, match="--tokenizer"):
        vocabulary_beside(path)
    (tmp_path / "epoch1.model").touch()
    assert vocabulary_beside(path) == tmp_path / "epoch1.model"
