import pytest

from pipeline.captions.cue import Cue
from pipeline.captions.speech import without_annotations
from shards.schema import Word


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("[Music]", ""),
        ("[Musique douce] hello", "hello"),
        (">> so >>>now [Applause].", "so now"),
        ("\u266a la la \u266a", "la la"),
        ("a[0] and b]", "a[0] and b]"),
        ("[ that never ends", "[ that never ends"),
        ("2 > 1", "2 > 1"),
    ],
)
def test_what_nobody_says_is_cut(text, spoken):
    flags = set()
    assert without_annotations(Cue(0.0, 1.0, text), flags).text == spoken
    assert flags == ({"W_NONSPEECH"} if text != spoken else set())


def test_word_times_stay_with_their_words():
    words = (Word("[Music]", 0.0, 1.0), Word(">>cut", 1.0, 2.0), Word("it", 2.0, 3.0))
    cue = without_annotations(Cue(0.0, 3.0, "[Music] >>cut it", words), set())
    assert cue.words == (Word("cut", 1.0, 2.0), Word("it", 2.0, 3.0))
