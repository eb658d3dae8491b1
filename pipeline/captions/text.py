"""Bytes of a caption file -> text, and markup -> what was said."""

import codecs
import html
import re
import unicodedata

from pipeline.captions.cue import CaptionError

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAX_REPLACED_SHARE = 0.01
_TAG = re.compile(r"<[^<>]*>")
_SUBSTATION_OVERRIDE = re.compile(r"\{\\[^{}]*\}")


def decode_bytes(data: bytes) -> tuple[str, bool]:
    """Return the text with LF line ends, and whether it was anything but plain UTF-8.

    Raises:
        CaptionError: `E_CAPENC` where more than 1 % of the characters are lost.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _unify_lines(_decode_lossy(data, encoding)), True
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _unify_lines(_decode_lossy(data, "cp1252")), True
    return _unify_lines(text), data.startswith(codecs.BOM_UTF8)


def _decode_lossy(data: bytes, encoding: str) -> str:
    text = data.decode(encoding, errors="replace")
    num_lost = text.count("\ufffd")
    if num_lost > _MAX_REPLACED_SHARE * max(1, len(text)):
        raise CaptionError("E_CAPENC", f"{num_lost} of {len(text)} characters are not {encoding}")
    return text


def _unify_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


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
