"""Markup of a caption file -> what was said."""

import html
import re
import unicodedata

_TAG = re.compile(r"<[^<>]*>")
_SUBSTATION_OVERRIDE = re.compile(r"\{\\[^{}]*\}")


def plain(markup: str) -> str:
    """Strip tags and entities; one blank between words; NFC; no control characters."""
    text = html.unescape(_TAG.sub("", _SUBSTATION_OVERRIDE.sub("", markup)))
    return tidy(text)


def tidy(text: str) -> str:
    """Normalise to NFC with one blank between words, without control characters."""
    text = unicodedata.normalize("NFC", text)
    # Cc are control characters; Cs are lone surrogates, which JSON can smuggle in.
    kept = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in ("Cc", "Cs")
    )
    return " ".join(kept.split())
