import io

import numpy as np
import pytest

from configs.models import TextConfig
from trainers.data.tokenizer import Tokenizer, make_tokenizer
from trainers.data.words import count_words, read_words, split_words, write_words


def saved(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def test_a_text_is_cut_as_the_published_code_cuts_it():
    assert split_words("Don't stir-fry 2 eggs, they're \u00e9minc\u00e9s.") == [
        "Don't", "stir", "fry", "2", "eggs", "they're", "\u00e9minc\u00e9s",
    ]  # fmt: skip


def test_ids_are_places_plus_one_and_unknown_words_are_dropped_before_the_cut():
    tokenizer = Tokenizer(write_words(["the", "Egg", "egg", "fry"]))
    assert tokenizer.vocabulary == 5
    tokens_NL = tokenizer.encode(["then fry, quickly, THE the egg Egg!", "nothing known", ""], 3)
    assert tokens_NL.tolist() == [[4, 1, 3], [0, 0, 0], [0, 0, 0]]
    assert tokens_NL.dtype == np.int64


def test_a_word_that_stands_twice_has_the_later_id_as_in_the_published_code():
    assert Tokenizer(write_words(["a", "b", "a"])).encode(["a b"], 2).tolist() == [[3, 2]]


def test_counted_words_are_ordered_by_frequency_and_then_by_letters():
    texts = ["fry the egg", "fry the leek", "Fry it", "the egg"]
    assert read_words(count_words(texts, 100)) == ["the", "egg", "fry", "Fry", "it", "leek"]
    assert read_words(count_words(texts, 4)) == ["the", "egg", "fry"]


def test_bytes_and_unicode_arrays_are_read_alike():
    assert read_words(saved(np.array(["egg", "leek"]))) == ["egg", "leek"]
    assert read_words(saved(np.array([b"egg", b"leek"]))) == ["egg", "leek"]


@pytest.mark.parametrize(
    "data",
    [
        saved(np.array(["egg", 3], dtype=object), allow_pickle=True),
        saved(np.arange(4)),
        saved(np.array([["egg"], ["leek"]])),
        saved(np.array(["egg", "leek"]))[:-3],
        b"\x93NUMPY\x09\x00",
        b"",
    ],
    ids=["pickled objects", "numbers", "two dimensions", "cut off", "other version", "empty"],
)
def test_what_is_no_array_of_strings_is_refused(data):
    with pytest.raises(ValueError, match=r"must be a \.npy file.*got"):
        read_words(data)


def test_a_header_that_claims_more_than_there_is_makes_no_room_for_it():
    data = saved(np.array(["egg"])).replace(b"(1,), }", b"(9999999999999,), }")
    with pytest.raises(ValueError, match=r"\d+ bytes of \d{14}"):
        read_words(data)


def test_a_run_begins_with_the_words_of_its_file_or_of_its_narration(tmp_path):
    path = tmp_path / "dict.npy"
    path.write_bytes(write_words(["egg", "leek"]))
    of_file = make_tokenizer(TextConfig(kind="words", words=str(path)), lambda: [])
    assert of_file == path.read_bytes()
    own = make_tokenizer(TextConfig(kind="words"), lambda: ["chop the leek"])
    assert read_words(own) == ["chop", "leek", "the"]
    with pytest.raises(ValueError, match=r"data\.shards"):
        make_tokenizer(TextConfig(kind="words"), lambda: [" "])


def test_a_file_of_words_without_the_kind_is_refused():
    with pytest.raises(ValueError, match=r"model\.text\.words must be empty unless"):
        TextConfig(words="dict.npy")
