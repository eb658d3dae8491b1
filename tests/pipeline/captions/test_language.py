import pytest

from pipeline.captions.cue import Cue
from pipeline.captions.language import detect_language


def cues(*texts):
    return [Cue(float(index), index + 1.0, text) for index, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "okay so today we are going to make a cake and first you need flour"),
        ("de", "jetzt schneiden wir die Zwiebel in kleine Würfel"),
        ("es", "ahora vamos a cortar la cebolla y luego la ponemos en la sartén"),
        ("ja", "今日は玉ねぎを小さく切ります"),
        ("zh", "现在我们把洋葱切成小块然后放进锅里"),
    ],
)
def test_the_language_is_told_from_the_words(language, text):
    assert detect_language(cues(text)) == language


@pytest.mark.parametrize("text", ["", "hi", "mix", "2 3 4 5 6 7 8 9 10 11 12", "la la la la la la"])
def test_what_is_too_short_or_unsure_has_no_language(text):
    assert detect_language(cues(text)) == ""


def test_many_short_cues_tell_together():
    assert detect_language(cues(*["now we cut", "the onion", "and stir it"] * 5)) == "en"
