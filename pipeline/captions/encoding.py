"""Bytes of a caption file -> text, in whichever encoding it was written."""

import codecs
import re

from pipeline.captions.cue import CaptionError
from pipeline.captions.language import is_in_one_of

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAX_REPLACED_SHARE = 0.01
# Stricter ones first: what is valid in an early one is seldom so by chance.
_LEGACY = (
    ("shift_jis", {"ja"}),
    ("euc_jp", {"ja"}),
    ("euc_kr", {"ko"}),
    ("big5", {"zh", "yue", "wuu"}),
    ("gb18030", {"zh", "yue", "wuu"}),
    ("koi8_r", {"ru"}),
    ("cp1251", {"ru", "uk", "bg", "be", "sr", "mk", "mn"}),
    ("cp1253", {"el"}),
    ("cp1255", {"he"}),
    ("cp1256", {"ar", "fa", "ur"}),
    ("cp1254", {"tr"}),
    ("cp1250", {"pl", "cs", "sk", "hu", "hr", "sl", "ro", "bs", "sq"}),
)
_HALF_WIDTH_KATAKANA = re.compile("[\uff61-\uff9f\ue000-\uf8ff]")
_MAX_ODD_SHARE = 0.05
_MAX_TELLING = 50_000
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,80}encoding=["']([A-Za-z0-9._-]{1,40})["']""")


def decode_bytes(data: bytes) -> tuple[str, bool]:
    """Return the text with LF line ends, and whether it was anything but plain UTF-8.

    Raises:
        CaptionError: `E_CAPENC` where more than 1 % of the characters are lost.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _unify_lines(_decode_lossy(data, encoding)), True
    if encoding := _unmarked_utf16(data):
        return _unify_lines(_decode_lossy(data, encoding)), True
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        encoding = "utf-8" if _is_damaged_utf8(data) else _legacy_encoding(data)
        return _unify_lines(_decode_lossy(data, encoding)), True
    return _unify_lines(text), data.startswith(codecs.BOM_UTF8)


def _unmarked_utf16(data: bytes) -> str:
    """UTF-16 without a mark: times and line ends are full of zero bytes on one side."""
    sample = data[:1000]
    half = len(sample) // 2
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if half < 8 or max(even, odd) < 0.4 * half or min(even, odd) > 0.05 * half:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether far more characters are UTF-8 than are not: other encodings hit it seldom."""
    text = data.decode("utf-8", errors="replace")
    num_foreign = sum(character > "\x7f" for character in text)
    return text.count("\ufffd") * 5 < num_foreign


def _legacy_encoding(data: bytes) -> str:
    """The first encoding in which the bytes are text of a language that is written in it."""
    if match := _XML_ENCODING.match(data.lstrip()[:200]):
        try:
            return codecs.lookup(match[1].decode("ascii")).name
        except LookupError:
            pass
    for encoding, languages in _LEGACY:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        text = text[:_MAX_TELLING]
        letters = "".join(character for character in text if ord(character) > 127)
        num_odd = len(_HALF_WIDTH_KATAKANA.findall(letters))
        if num_odd <= _MAX_ODD_SHARE * len(letters) and is_in_one_of(text, languages):
            return encoding
    return "cp1252"


def _decode_lossy(data: bytes, encoding: str) -> str:
    text = data.decode(encoding, errors="replace")
    num_lost = text.count("\ufffd")
    if num_lost > _MAX_REPLACED_SHARE * max(1, len(text)):
        raise CaptionError("E_CAPENC", f"{num_lost} of {len(text)} characters are not {encoding}")
    return text


def _unify_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
