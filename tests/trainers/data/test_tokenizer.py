import numpy as np
import pytest

from trainers.data.tokenizer import Tokenizer, train_tokenizer

VERBS, NOUNS = ("chop", "stir", "fry"), ("leek", "egg")
TEXTS = [f"now we {verb} the {noun}" for verb in VERBS for noun in NOUNS]


def test_the_same_texts_give_the_same_bytes():
    assert train_tokenizer(TEXTS, 200) == train_tokenizer(TEXTS, 200)


def test_a_small_corpus_gets_a_small_vocabulary():
    assert 10 < Tokenizer(train_tokenizer(TEXTS, 8000)).vocabulary < 200


def test_pieces_are_padded_with_zero_and_cut_at_the_limit():
    tokenizer = Tokenizer(train_tokenizer(TEXTS, 100))
    tokens_NL = tokenizer.encode(["egg", "now we chop the leek " * 9, ""], 12)
    assert tokens_NL.shape == (3, 12)
    assert tokens_NL.dtype == np.int64
    assert tokens_NL[0, 0] > 0
    assert tokens_NL[0, -1] == 0
    assert (tokens_NL[1] > 0).all()
    assert not tokens_NL[2].any()


def test_case_makes_no_difference():
    tokenizer = Tokenizer(train_tokenizer(TEXTS, 100))
    tokens_NL = tokenizer.encode(["Chop The LEEK", "chop the leek"], 12)
    assert (tokens_NL[0] == tokens_NL[1]).all()


def test_no_text_is_an_error_that_names_the_setting():
    with pytest.raises(ValueError, match=r"data\.shards"):
        train_tokenizer(["  "], 100)
