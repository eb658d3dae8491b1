"""A transcript on disk: Whisper's JSON, and what it was made from, so that it is made once.

HASH.json   `asr` (what it was made from), `language`, `text`, `segments` with `words`
HASH.none   why there is none: a reject code, or that the video has a text track of its own
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from configs.asr import AsrConfig
from pipeline.asr.transcribe import Spoken
from pipeline.listing.source import SourceFile
from pipeline.tasks.narration import transcript_name
from shards import storage

FORMAT_VERSION = 1
_HEAD_BYTES = 2048
_BEGINNING = '{"asr":'


@dataclass(frozen=True, slots=True)
class Origin:
    """What a transcript is a function of.

    Attributes:
        version: Of this format.
        video_id: The video.
        bytes: Its size.
        stamp: Its version.
        language: Language that was asked for, empty where none was.
        model: Hash of the model.
        settings: Hash of the settings that decide what it writes.
    """

    version: int
    video_id: str
    bytes: int
    stamp: str
    language: str
    model: str
    settings: str


@dataclass(frozen=True, slots=True)
class NoTranscript:
    """Why a video has none. `code` is empty where that is no fault."""

    code: str
    detail: str


def origin_of(source: SourceFile, model: str, config: AsrConfig) -> Origin:
    """Return what the transcript of a source would be made from."""
    decisive = {
        "beam": config.beam,
        "compute_type": config.compute_type,
        "device": config.device,
        "piece_s": config.piece_s,
        "vad_threshold": config.vad_threshold,
        "no_speech": config.no_speech,
        "max_repetition": config.max_repetition,
    }
    settings = hashlib.sha256(_json(decisive)).hexdigest()[:16]
    language = config.language or source.language.partition("-")[0].lower()
    return Origin(
        FORMAT_VERSION,
        source.video_id,
        source.bytes,
        source.stamp,
        language,
        model,
        settings,
    )


def names_of(video_id: str) -> tuple[str, str]:
    """Return the names of a video's transcript, and of the file that says why there is none."""
    name = transcript_name(video_id)
    return name, name.removesuffix(".json") + ".none"


def save_transcript(folder: str, origin: Origin, spoken: Spoken) -> None:
    """Write a transcript whole, and forget why there was none."""
    name, none = names_of(origin.video_id)
    value = {
        "asr": asdict(origin) | {"left_out": spoken.num_left_out},
        "language": spoken.language,
        "segments": spoken.segments,
        "text": " ".join(segment["text"] for segment in spoken.segments),
    }
    storage.write_atomic(storage.join(folder, name), _json(value))
    storage.delete(storage.join(folder, none))


def save_none(folder: str, origin: Origin, why: NoTranscript) -> None:
    """Write why there is no transcript, and forget an older one."""
    name, none = names_of(origin.video_id)
    value = {"asr": asdict(origin), "code": why.code, "detail": why.detail}
    storage.write_atomic(storage.join(folder, none), _json(value))
    storage.delete(storage.join(folder, name))


def load_none(folder: str, name: str) -> tuple[Origin, NoTranscript] | None:
    """Return what a .none file says, None if it is not one of ours."""
    try:
        value = json.loads(storage.read_bytes(storage.join(folder, name)))
        return Origin(**value["asr"]), NoTranscript(value["code"], value["detail"])
    except (ValueError, TypeError, KeyError):
        return None


def is_current(folder: str, name: str, origin: Origin) -> bool:
    """Return whether a transcript was made from just this; only its beginning is read."""
    head = storage.read_range(storage.join(folder, name), 0, _HEAD_BYTES).decode(errors="replace")
    if not head.startswith(_BEGINNING):
        return False
    try:
        found, _ = json.JSONDecoder().raw_decode(head[len(_BEGINNING) :])
    except ValueError:
        return False
    if not isinstance(found, dict):
        return False
    found.pop("left_out", None)
    return found == asdict(origin)


def _json(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode() + b"\n"


def names_in(folder: str, suffixes: Sequence[str]) -> set[str]:
    """Return the names in a folder with one of the suffixes."""
    return {name for suffix in suffixes for name in storage.list_names(folder, suffix)}
