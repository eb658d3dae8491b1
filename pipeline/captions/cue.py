"""A cue: one timed line of captions, as every reader returns it."""

from dataclasses import dataclass

from shards.schema import Word


class CaptionError(Exception):
    """A caption file that cannot be used, with the reject code that says why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Block:
    """A cue as it is written: its times, and its lines with their markup."""

    start_s: float
    end_s: float
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Cue:
    """One timed line.

    `words` is empty where the file gives no word times. Otherwise it holds the words of
    `text`, one for each blank-separated token, in order and without going back in time.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Captions:
    """The cues of one video in order of time, and the codes of what had to be mended."""

    cues: list[Cue]
    flags: frozenset[str] = frozenset()
    language: str = ""
    """Code as the file states it, ISO 639-1 where there is one; "" where it does not say."""
    format: str = ""
    """What the bytes were recognised as: `webvtt`, `srt`, `json3`, `whisper`, ..."""
