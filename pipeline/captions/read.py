"""A caption file of any known format -> cues."""

from pathlib import Path

from configs.sources import LimitsConfig
from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.srt import parse_srt
from pipeline.captions.text import decode_bytes
from pipeline.captions.webvtt import parse_webvtt
from pipeline.captions.whisper import parse_whisper

SUFFIXES = (".vtt", ".srt", ".json")
"""Known formats, the preferred one first where a video has several."""


def read_captions(path: Path, limits: LimitsConfig | None = None) -> list[Cue]:
    """Return the cues of a file, in order of time.

    Raises:
        CaptionError: If the file cannot be used; its `code` is one of the reject codes.
    """
    return load_captions(path, limits or LimitsConfig()).cues


def load_captions(path: Path, limits: LimitsConfig) -> Captions:
    """Like `read_captions`, with the codes of what had to be mended.

    Raises:
        CaptionError: If the file cannot be used; its `code` is one of the reject codes.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limits.caption_bytes + 1)
    except OSError as error:
        raise CaptionError("E_FETCH", f"{error.strerror}") from None
    if len(data) > limits.caption_bytes:
        raise CaptionError(
            "E_CAPHUGE",
            f"captions must have at most {limits.caption_bytes} bytes "
            "(sources.limits.caption_bytes)",
        )
    text, is_foreign = decode_bytes(data)
    captions = _parse(text, path.suffix.lower())
    if is_foreign:
        return Captions(captions.cues, captions.flags | {"W_CAPENC"})
    return captions


def _parse(text: str, suffix: str) -> Captions:
    if not text.strip():
        raise CaptionError("W_CAPEMPTY", "the file is empty")
    match suffix:
        case ".vtt":
            return parse_webvtt(text)
        case ".srt":
            return parse_srt(text)
        case ".json":
            return parse_whisper(text)
    raise CaptionError("E_CAPPARSE", f"must end with one of {', '.join(SUFFIXES)}, got {suffix}")
