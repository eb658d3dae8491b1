"""String kernels against Lodhi's own values and against a list of all subsequences."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.kernels.gram import check_psd
from trainers.kernels.strings import all_subsequences, spectrum, string_gram, subsequence

SCIENCE, WISDOM = "science is organized knowledge", "wisdom is organized life"
texts = st.text(alphabet="abc", max_size=8)


def test_r5_two_letters_of_cat_and_car_weigh_the_fourth_power_of_the_decay() -> None:
    decay = 0.7
    assert subsequence("cat", "car", length=2, decay=decay) == pytest.approx(decay**4, abs=1e-12)
    own = 2 * decay**4 + decay**6
    assert subsequence("cat", "cat", length=2, decay=decay) == pytest.approx(own, abs=1e-12)
    gram = string_gram(lambda s, t: subsequence(s, t, length=2, decay=decay), ["cat"], ["car"])
    assert gram.item() == pytest.approx(1 / (2 + decay**2), abs=1e-12)


@pytest.mark.parametrize(
    ("length", "published"), [(2, 0.580), (3, 0.478), (4, 0.439), (5, 0.406), (6, 0.370)]
)
def test_r5_the_sentences_of_lodhi_et_al_have_their_published_values(
    length: int, published: float
) -> None:
    gram = string_gram(
        lambda s, t: subsequence(s, t, length=length, decay=0.5), [SCIENCE], [WISDOM]
    )
    assert gram.item() == pytest.approx(published, abs=1e-3)


def weighed(text: str, length: int, decay: float) -> Counter[str]:
    """Every subsequence with the sum of its spans' weights, by listing them."""
    features: Counter[str] = Counter()
    for at in combinations(range(len(text)), length):
        features["".join(text[i] for i in at)] += decay ** (at[-1] - at[0] + 1)
    return features


@given(texts, texts, st.integers(1, 4), st.sampled_from([0.3, 0.8, 1.0]))
def test_the_recursion_is_the_dot_product_of_all_subsequences(
    first: str, second: str, length: int, decay: float
) -> None:
    ours, theirs = weighed(first, length, decay), weighed(second, length, decay)
    expected = sum(weight * theirs[word] for word, weight in ours.items())
    found = subsequence(first, second, length=length, decay=decay)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(texts, texts)
def test_all_subsequences_are_counted_once_for_each_way_to_find_them(
    first: str, second: str
) -> None:
    def count(text: str) -> Counter[str]:
        lengths = range(len(text) + 1)
        return Counter("".join(letters) for n in lengths for letters in combinations(text, n))

    ours, theirs = count(first), count(second)
    assert all_subsequences(first, second) == sum(n * theirs[word] for word, n in ours.items())


def test_a_spectrum_counts_runs() -> None:
    assert spectrum("abab", "ab", length=2) == 2
    assert spectrum("abab", "ba", length=2) == 1
    assert spectrum("abab", "abab", length=2) == 5
    assert spectrum("a", "a", length=2) == 0


def test_words_are_symbols_as_letters_are() -> None:
    first, second = "pour the milk".split(), "pour some milk".split()
    assert subsequence(first, second, length=2, decay=0.5) == pytest.approx(0.5**6)
    assert spectrum(first, second, length=1) == 2


def test_r5_gram_matrices_of_strings_satisfy_mercers_condition_and_know_equal_strings() -> None:
    letters = np.random.default_rng(0).choice(list("abcd"), size=(12, 9))
    strings = ["".join(row) for row in letters]
    kernels = [
        lambda s, t: subsequence(s, t, length=3, decay=0.6),
        all_subsequences,
        lambda s, t: spectrum(s, t, length=2),
    ]
    for kernel in kernels:
        gram_NN = string_gram(kernel, strings, strings)
        check_psd(gram_NN)
        assert gram_NN.diagonal() == pytest.approx(np.ones(12))
        assert string_gram(kernel, strings[:3], strings[3:]) == pytest.approx(gram_NN[:3, 3:])


def test_a_string_too_short_is_like_no_other() -> None:
    gram = string_gram(lambda s, t: spectrum(s, t, length=3), ["ab"], ["abc", "ab"])
    assert gram.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(("length", "decay"), [(0, 0.5), (2, 0.0), (2, 1.5)])
def test_settings_out_of_range_are_refused(length: int, decay: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        subsequence("ab", "ab", length=length, decay=decay)
