"""TTML and DFXP reader (https://www.w3.org/TR/ttml2/), of any of its namespaces."""

from dataclasses import dataclass, field
from typing import Self

from pipeline.captions.cue import CaptionError, Captions, Cue
from pipeline.captions.tags import language_of
from pipeline.captions.text import tidy
from pipeline.captions.timing import in_order
from pipeline.captions.ttmltime import Clock
from pipeline.captions.xmlfeed import feed

_UNSPOKEN = frozenset({"metadata", "title", "desc"})


def parse_ttml(text: str) -> Captions:
    """Read a whole document. Its language is the first one that it states.

    Raises:
        CaptionError: `E_CAPPARSE` where it is no TTML, has a DOCTYPE or nests too deep;
            `W_CAPEMPTY` where nothing is said.
    """
    target = _Document()
    feed(text, target)
    return in_order(target.cues, target.flags, target.language, "ttml")


@dataclass(slots=True)
class _Span:
    """An open element: its times, and what stands in it if it is a cue's."""

    start_s: float
    end_s: float
    holder: Self | None
    """The innermost timed element of the paragraph: what is said here belongs to its cue."""
    parts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Document:
    """Target of the parser: cues are the innermost timed elements that hold text."""

    cues: list[Cue] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    language: str = ""
    _clock: Clock = field(default_factory=Clock)
    _open: list[_Span] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element; its times count from the beginning of the one around it."""
        if not self._open and name != "tt":
            raise CaptionError("E_CAPPARSE", f"no known XML: the root must be tt, got {name[:40]}")
        if not self._open:
            self._clock = Clock.of(attributes)
            around = _Span(0.0, float("inf"), None)
        else:
            around = self._open[-1]
        self.language = self.language or language_of(attributes.get("lang", ""))
        self._open.append(self._span(name, attributes, around))
        if name == "br":
            self._hold("\n")

    def _span(self, name: str, attributes: dict[str, str], around: _Span) -> _Span:
        begin, end, dur = (self._time(attributes, key) for key in ("begin", "end", "dur"))
        start_s = around.start_s + (begin or 0.0)
        ends_s = [around.end_s]
        if end is not None:
            ends_s.append(around.start_s + end)
        if dur is not None:
            ends_s.append(start_s + dur)
        span = _Span(start_s, min(ends_s), around.holder)
        is_timed = any(time is not None for time in (begin, end, dur))
        if name in _UNSPOKEN:
            span.holder = None
        elif name == "p" or (is_timed and span.holder is not None):
            span.holder = span
        return span

    def _time(self, attributes: dict[str, str], key: str) -> float | None:
        if key not in attributes:
            return None
        found_s = self._clock.seconds(attributes[key])
        if found_s is None:
            self.flags.add("W_CAPTIME")
        return found_s

    def data(self, text: str) -> None:
        """Take text, of paragraphs only."""
        self._hold(text)

    def _hold(self, text: str) -> None:
        holder = self._open[-1].holder if self._open else None
        if holder is not None:
            holder.parts.append(text)

    def end(self, name: str) -> None:
        """Close an element, which may have been a cue."""
        span = self._open.pop()
        text = tidy("".join(span.parts))
        if not text:
            return
        if span.end_s == float("inf"):
            self.flags.add("W_CAPTIME")
            return
        self.cues.append(Cue(round(span.start_s, 3), round(span.end_s, 3), text))
