"""Captions of any known format -> cues. The content says which format it is, never the name."""

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.documents import read_json
from pipeline.captions.encoding import decode_bytes
from pipeline.captions.howto100m import csv_columns, is_columnar, parse_columnar, parse_csv
from pipeline.captions.json3 import parse_json3
from pipeline.captions.sbv import TIMES as SBV_TIMES
from pipeline.captions.sbv import parse_sbv
from pipeline.captions.srt import parse_srt
from pipeline.captions.substation import parse_substation
from pipeline.captions.timedtext import parse_timedtext
from pipeline.captions.ttml import parse_ttml
from pipeline.captions.webvtt import parse_webvtt
from pipeline.captions.whisper import parse_transcript, parse_whisper

_MAX_START = 2000
_JSON = re.compile(r"\[\s*(?:\{|\])|\{")
_TIMEDTEXT = re.compile(r"^(?:<\?xml[^>]*>\s*)?<(?:timedtext|transcript)[\s>]")
_SUBSTATION = re.compile(r"\[(?:Script Info|V4\+? Styles|Events)\]", re.IGNORECASE)


def read_captions(path: Path, limits: LimitsConfig | None = None) -> list[Cue]:
    """Return the cues of a file, in order of time.

    Raises:
        CaptionError: If the file cannot be used; its `code` is one of the reject codes.
    """
    return load_captions(path, limits or LimitsConfig()).cues


def load_captions(path: Path, limits: LimitsConfig) -> Captions:
    """Like `read_captions`, with language, format and the codes of what had to be mended.

    Raises:
        CaptionError: If the file cannot be used; its `code` is one of the reject codes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limits.caption_bytes + 1)
    except OSError as error:
        raise CaptionError("E_FETCH", f"{error.strerror}") from None
    return parse_captions(data, limits)


def parse_captions(data: bytes, limits: LimitsConfig) -> Captions:
    """Return the captions in the bytes of one file, or of one video's part of a larger one.

    Raises:
        CaptionError: If they cannot be used; its `code` is one of the reject codes.
    """
    if len(data) > limits.caption_bytes:
        raise CaptionError(
            "E_CAPHUGE",
            f"captions must have at most {limits.caption_bytes} bytes "
            "(sources.limits.caption_bytes)",
        )
    text, is_foreign = decode_bytes(data)
    if not text.strip():
        raise CaptionError("W_CAPEMPTY", "the file is empty")
    captions = _reader_of(text)(text)
    return replace(captions, flags=captions.flags | {"W_CAPENC"}) if is_foreign else captions


def _reader_of(text: str) -> Callable[[str], Captions]:
    """Choose a reader by how the text begins; what no other one knows may be SRT."""
    start = text.lstrip()[:_MAX_START]
    first = start.partition("\n")[0]
    readers = (
        (start.startswith("WEBVTT"), parse_webvtt),
        (_JSON.match(start), _parse_json),
        (_TIMEDTEXT.search(start), parse_timedtext),
        (start.startswith("<"), parse_ttml),
        (_SUBSTATION.match(start), parse_substation),
        (SBV_TIMES.match(first), parse_sbv),
        (_is_csv(first), parse_csv),
    )
    return next((reader for is_so, reader in readers if is_so), parse_srt)


def _is_csv(line: str) -> bool:
    return "-->" not in line and csv_columns(next(csv.reader([line]), [])) is not None


def _parse_json(text: str) -> Captions:
    document = read_json(text)
    match document:
        case {"segments": list()}:
            return parse_whisper(document)
        case {"events": list()}:
            return parse_json3(document)
        case list():
            return parse_transcript(document)
        case dict() if is_columnar(document):
            return parse_columnar(document)
    raise CaptionError("E_CAPPARSE", "JSON of no known form: segments, events or start, end, text")
