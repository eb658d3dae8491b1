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
    """What a listing says.

    Attributes:
        sources: By id, one each.
        rejects: What is listed and is no source.
        notices: What is worth a look and takes nothing away, a line each.
    """

    sources: list[SourceFile] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


class ListingError(Exception):
    """What is listed is no source, with its reject code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


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
        "source": source,
    } | more


def refused_row(video_id: str, refused: ListingError, name: str) -> dict[str, Any]:
    """Return the reject of what a listing names, with all text spelled out."""
    detail = printable(refused.detail)
    return reject_row(
        printable(video_id), refused.code, detail, stage="listing", source=printable(name)
    )


def normal_id(text: str) -> str:
    """Return the one spelling of an id: NFC, as file systems differ."""
    return unicodedata.normalize("NFC", text)


def check_id(video_id: str) -> None:
    """Check that an id may stand in logs, JSON and pages as it is. It never names a file.

    Raises:
        ListingError: `E_ID`.
    """
    is_path_out = video_id.startswith("/") or ".." in video_id.split("/")
    if not video_id or is_path_out or printable(video_id) != video_id:
        raise ListingError("E_ID", "an id must be printable, without a leading / and ..")
    if len(video_id.encode()) > MAX_ID_BYTES:
        raise ListingError("E_ID", f"an id must have at most {MAX_ID_BYTES} bytes of UTF-8")


def printable(text: str) -> str:
    r"""Spell out what must not reach a log or a JSON file: control characters, stray bytes, `\`."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(
        letter if letter.isprintable() and letter != "\\" else f"\\u{ord(letter):04x}"
        for letter in text
    )
