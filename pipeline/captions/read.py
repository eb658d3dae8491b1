"""Captions of any known format -> cues. The content says which format it is, never the name."""

from pathlib import Path

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.srt import parse_srt
from pipeline.captions.text import decode_bytes
from pipeline.captions.webvtt import parse_webvtt
from pipeline.captions.whisper import parse_whisper

SUFFIXES = (".vtt", ".srt", ".json")
"""Suffixes of caption files beside a video, the preferred one first where it has several."""


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
    captions = _parse(text)
    if is_foreign:
        return Captions(
            captions.cues, captions.flags | {"W_CAPENC"}, captions.language, captions.format
        )
    return captions


def _parse(text: str) -> Captions:
    stripped = text.lstrip()
    if not stripped:
        raise CaptionError("W_CAPEMPTY", "the file is empty")
    if stripped[0] in "{[":
        return parse_whisper(text)
    if stripped.startswith("WEBVTT"):
        return parse_webvtt(text)
    return parse_srt(text)
