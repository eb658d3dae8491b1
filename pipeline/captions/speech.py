"""Cues without what nobody says: `[Music]`, `>>` before a new speaker, notes."""

import re

from pipeline.captions.cue import Cue

_MAX_ANNOTATION_WORDS = 6
_OPENING = re.compile(r"^\[[^\[\]]*$")
_CLOSING = re.compile(r"^[^\[\]]*\][.,!?:]*$")
_WHOLE = re.compile(r"^\[[^\[\]]*\][.,!?:]*$")
_MARKS = "\u266a\u266b\u266c"  # eighth notes around what is sung


def without_annotations(cue: Cue, flags: set[str]) -> Cue:
    """Return the cue with what is said only; flags `W_NONSPEECH` where something was cut."""
    if not any(mark in cue.text for mark in ("[", ">>", *_MARKS)):
        return cue
    tokens = cue.text.split()
    cleaned = [_spoken(token) for token in tokens]
    place = 0
    while place < len(tokens):
        num_words = _annotation_length(tokens, place)
        cleaned[place : place + num_words] = [""] * num_words
        place += max(1, num_words)
    if cleaned == tokens:
        return cue
    flags.add("W_NONSPEECH")
    words = tuple(
        type(word)(token, word.start_s, word.end_s)
        for word, token in zip(cue.words, cleaned, strict=False)
        if token
    )
    return Cue(cue.start_s, cue.end_s, " ".join(filter(None, cleaned)), words)


def _spoken(token: str) -> str:
    token = token.strip(_MARKS)
    return token.removeprefix(">>>").removeprefix(">>") if token.startswith(">>") else token


def _annotation_length(tokens: list[str], place: int) -> int:
    """Tokens of the annotation that begins at a place; 0 where none does."""
    if _WHOLE.match(tokens[place]):
        return 1
    if _OPENING.match(tokens[place]):
        for stop in range(place + 1, min(place + _MAX_ANNOTATION_WORDS, len(tokens))):
            if _CLOSING.match(tokens[stop]):
                return stop + 1 - place
    return 0
