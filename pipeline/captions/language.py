"""Which language is spoken, told from the words of the captions; offline and deterministic."""

from collections.abc import Iterable
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from pipeline.captions.cue import Cue

_MAX_CHARACTERS = 20_000
_MIN_LETTERS = 10
_MIN_CONFIDENCE = 0.7


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def detect_language(cues: Iterable[Cue]) -> str:
    """Return the ISO 639-1 code of the language that the cues are in; "" where that is unsure.

    Some languages have only a code of three letters (`yue`); it is returned as it is. Fewer than
    10 letters, or a confidence under 0.7, are unsure.
    """
    parts: list[str] = []
    num_characters = 0
    for cue in cues:
        parts.append(cue.text)
        num_characters += len(cue.text) + 1
        if num_characters > _MAX_CHARACTERS:
            break
    return language_of_text(" ".join(parts))


def language_of_text(text: str) -> str:
    """Like `detect_language`, of running text; of long text its beginning decides."""
    text = text[:_MAX_CHARACTERS]
    if sum(character.isalpha() for character in text) < _MIN_LETTERS:
        return ""
    language, confidence = _identifier().classify(text)
    return language if confidence >= _MIN_CONFIDENCE else ""


def is_in_one_of(text: str, languages: Iterable[str]) -> bool:
    """Return whether running text is in one of some languages, whichever of them it is."""
    ranked = dict(_identifier().rank(text[:_MAX_CHARACTERS]))
    return sum(ranked.get(language, 0.0) for language in languages) >= _MIN_CONFIDENCE
