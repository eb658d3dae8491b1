"""Words: every entry has a synonym, and templates leave room for the purpose."""

import pytest

from pipeline.demo.lexicon import (
    ACTIONS,
    CHIT_CHAT,
    COLOURS,
    DESCRIBING,
    MISHEARD,
    PURPOSE_PHRASES,
    PURPOSES,
    SHAPES,
)


@pytest.mark.parametrize("lexicon", [ACTIONS, COLOURS, SHAPES])
def test_every_thing_has_a_synonym_and_its_canonical_name_first(
    lexicon: dict[str, tuple[str, ...]],
) -> None:
    for name, words in lexicon.items():
        assert words[0] == name
        assert len(words) >= 2


def test_the_longest_cue_has_at_most_sixteen_words() -> None:
    longest = max(len(text.split()) for text in (*DESCRIBING, *CHIT_CHAT))
    assert longest + max(len(text.split()) for text in PURPOSE_PHRASES) <= 16


def test_a_misheard_word_is_never_the_name_of_something_else() -> None:
    lexicons = (ACTIONS, COLOURS, SHAPES)
    names = {word for lexicon in lexicons for words in lexicon.values() for word in words}
    names |= {word for words in PURPOSES for word in words}
    assert set(MISHEARD) <= names
    assert not set(MISHEARD.values()) & names
