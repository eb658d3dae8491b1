"""What a sample is, and the bytes of its members: schema v1.

A sample is a clip with the narration windows nearest to it. In a shard it is a run of adjacent
members `KEY.json KEY.mp4 KEY.txt KEY.asr.json [KEY.flac]`, in that order; `.jpgs` or `.npy` may
stand in the place of `.mp4`. Bytes are a pure function of the values, so two builds of the same
sources are equal byte for byte.
"""

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

SCHEMA_VERSION = 1
"""Layout of the members. Readers refuse another one."""

CODE_VERSION = 3
"""Bumped by hand when the same source and settings would give other bytes."""

KEY_PATTERN = re.compile(r"[0-9a-f]{16}_[0-9]{9}")
Encoding: TypeAlias = Literal["mp4", "jpgs", "npy"]
"""How the frames of a clip are stored; also the extension of their member."""

ENCODINGS: tuple[Encoding, ...] = ("mp4", "jpgs", "npy")
MEMBERS = ("json", *ENCODINGS, "txt", "asr.json", "flac")
"""Extensions of a sample's members in the order in which they stand in a shard."""

OPTIONAL_MEMBERS = frozenset({*ENCODINGS, "flac"})
"""Members that a sample may lack; of the encodings it has exactly one."""

Split: TypeAlias = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True)
class Word:
    """One spoken word, in `[start_s, end_s)` of the video."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Window:
    """Narration near a clip. `overlap_s` and `center_dist_s` are relative to that clip."""

    index: int
    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()
    overlap_s: float = 0.0
    center_dist_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A clip, its bag and its audio.

    `meta` is the `.json` member (`video_id`, `t0_s`, `t1_s`, `fps`, `n`, ...), `clip` the stored
    frames, `caption` the primary text, `windows` the bag, nearest first, `audio` a flac or None.
    """

    meta: Mapping[str, Any]
    clip: bytes
    caption: str
    windows: tuple[Window, ...]
    audio: bytes | None = None

    @property
    def key(self) -> str:
        """Name of the sample, unique in a dataset."""
        return sample_key(self.meta["video_id"], start_ms(self.meta))

    @property
    def encoding(self) -> Encoding:
        """How `clip` is encoded."""
        return self.meta.get("enc", "mp4")

    @property
    def margin(self) -> int:
        """Frames that `clip` holds before, and again after, those of `[t0_s, t1_s)`."""
        return self.meta.get("margin", 0)


def start_ms(meta: Mapping[str, Any]) -> int:
    """Return the start of the clip in milliseconds."""
    return round(meta["t0_s"] * 1000)


def _canonical_id(video_id: str) -> bytes:
    return unicodedata.normalize("NFC", video_id).encode("utf-8")


def sample_key(video_id: str, t0_ms: int) -> str:
    """Return `HASH_START`: safe as a file name whatever the id is made of.

    Args:
        video_id: Raw id of the video, of any characters that UTF-8 can hold.
        t0_ms: Start of the clip in milliseconds.

    Raises:
        ValueError: If the start does not fit nine digits.
    """
    if not 0 <= t0_ms < 10**9:
        raise ValueError(
            f"a clip must start in [0, 10**9) ms, got {t0_ms} ms in video {video_id!r}"
        )
    return f"{hashlib.sha256(_canonical_id(video_id)).hexdigest()[:16]}_{t0_ms:09d}"


def split_of(video_id: str, val_share: float, test_share: float) -> Split:
    """Return the split of a video, by a hash of its id.

    `test` takes the low end of the hash and `val` the high end: a change of one share never
    moves a video between the other two splits.
    """
    position = split_position(video_id)
    if position < test_share:
        return "test"
    return "val" if position >= 1.0 - val_share else "train"


def split_position(video_id: str) -> float:
    """Return the hash of a video's id that decides its split, in [0, 1)."""
    digest = hashlib.sha256(b"split\0" + _canonical_id(video_id)).digest()
    return int.from_bytes(digest[:6]) / 2**48


def canonical_json(value: object) -> bytes:
    """Return UTF-8 JSON with sorted keys, no spaces and floats rounded to 3 decimals.

    Raises:
        ValueError: If a float is not finite.
    """
    text = json.dumps(
        _rounded(value),
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    )
    return text.encode("utf-8")


def _rounded(value: object) -> object:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"numbers of a sample must be finite, got {value}")
        return round(value, 3) + 0.0  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, Mapping):
        return {str(name): _rounded(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_rounded(item) for item in value]
    return value


def to_members(sample: Sample) -> list[tuple[str, bytes]]:
    """Return (extension, bytes) of each member in shard order."""
    caption = unicodedata.normalize("NFC", sample.caption)
    members = [
        ("json", canonical_json({"schema": SCHEMA_VERSION, **sample.meta})),
        (sample.encoding, sample.clip),
        ("txt", caption.encode("utf-8")),
        ("asr.json", canonical_json([_window_to_json(window) for window in sample.windows])),
    ]
    if sample.audio is not None:
        members.append(("flac", sample.audio))
    return members


def from_members(members: Mapping[str, bytes]) -> Sample:
    """Return the sample that `to_members` took apart.

    Raises:
        ValueError: If a member is missing, unknown or malformed, or the schema is another one.
    """
    if missing := set(MEMBERS) - OPTIONAL_MEMBERS - set(members):
        raise ValueError(f"a sample needs .{', .'.join(sorted(missing))}")
    if unknown := set(members) - set(MEMBERS):
        raise ValueError(f"schema {SCHEMA_VERSION} has no .{', .'.join(sorted(unknown))}")
    meta = _read_meta(members["json"])
    clips = [name for name in ENCODINGS if name in members]
    if clips != [meta.get("enc", "mp4")]:
        raise ValueError(
            f"a sample needs one .{meta.get('enc', 'mp4')} as its .json says, got {clips}"
        )
    try:
        windows = tuple(_window_from_json(row) for row in json.loads(members["asr.json"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f".asr.json must be a list of windows, got {error!r}") from error
    caption = members["txt"].decode("utf-8")
    return Sample(meta, members[clips[0]], caption, windows, members.get("flac"))


def _read_meta(data: bytes) -> dict[str, Any]:
    meta = json.loads(data)
    if not isinstance(meta, dict) or meta.get("schema") != SCHEMA_VERSION:
        raise ValueError(f".json must say schema {SCHEMA_VERSION}, got {str(meta)[:80]}")
    if not isinstance(meta.get("video_id"), str) or not isinstance(meta.get("t0_s"), int | float):
        raise ValueError(f".json must hold video_id and t0_s, got {str(meta)[:80]}")
    if not isinstance(meta.get("margin", 0), int) or meta.get("margin", 0) < 0:
        raise ValueError(f".json must hold a margin of 0 or more frames, got {meta['margin']!r}")
    return meta


def _window_to_json(window: Window) -> dict[str, Any]:
    row: dict[str, Any] = {
        "idx": window.index,
        "s": float(window.start_s),
        "e": float(window.end_s),
        "text": unicodedata.normalize("NFC", window.text),
        "overlap_s": float(window.overlap_s),
        "center_dist_s": float(window.center_dist_s),
    }
    if window.words:
        row["words"] = [
            {"text": word.text, "s": float(word.start_s), "e": float(word.end_s)}
            for word in window.words
        ]
    return row


def _window_from_json(row: Mapping[str, Any]) -> Window:
    words = tuple(Word(word["text"], word["s"], word["e"]) for word in row.get("words", ()))
    return Window(
        index=row["idx"],
        start_s=row["s"],
        end_s=row["e"],
        text=row["text"],
        words=words,
        overlap_s=row["overlap_s"],
        center_dist_s=row["center_dist_s"],
    )
