"""What a listing says: sources by id, and the rejects of what is no source."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any

MAX_ID_BYTES = 255


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A video and its captions. Sizes and stamps tell whether either has changed.

    Attributes:
        video_id: Its id, NFC.
        video: Absolute local path, or a URL (s3://, gs://, http(s)://).
        captions: Path or URL of its captions; empty where none are listed.
        name: What messages call it: below the listed folder, or as the table spells it.
        bytes: Size of the video; -1 where it is not known before it is fetched.
        stamp: Opaque version of the video: mtime in ns as text, or an etag; empty: unknown.
        caption_bytes: Size of the captions.
        caption_stamp: Opaque version of the captions.
        caption_span: Offset and length of the captions inside a larger file.
        language: Language of the captions as listed, empty where it is not.
        interval: Start and end (s) of what the row is about.
        extra: Further columns as a canonical JSON object, empty where there are none.
    """

    video_id: str
    video: str
    captions: str
    name: str
    bytes: int
    stamp: str
    caption_bytes: int = 0
    caption_stamp: str = ""
    caption_span: tuple[int, int] | None = None
    language: str = ""
    interval: tuple[float, float] | None = None
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """The sources by id, and the rejects of what is no source."""

    sources: list[SourceFile] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)


def reject_row(
    video_id: str, code: str, detail: str, *, stage: str, source: str, **more: Any
) -> dict[str, Any]:
    """Return a row of rejects.jsonl."""
    return {
        "video_id": video_id,
        "code": code,
        "stage": stage,
        "detail": detail[:500],
        "clips": 0,
        "t0_s": None,
        "bundle": "",
        "attempt": 0,
        "source": source,
    } | more


def normal_id(text: str) -> str:
    """Return the one spelling of an id: NFC, as file systems differ."""
    return unicodedata.normalize("NFC", text)


def is_sound_id(video_id: str) -> bool:
    """Return whether an id may stand in logs, JSON and pages as it is."""
    return (
        bool(video_id)
        and printable(video_id) == video_id
        and len(video_id.encode()) <= MAX_ID_BYTES
    )


def printable(text: str) -> str:
    r"""Spell out what must not reach a log or a JSON file: control characters, stray bytes, `\`."""
    return "".join(
        letter if letter.isprintable() and letter != "\\" else f"\\u{ord(letter):04x}"
        for letter in text
    )
