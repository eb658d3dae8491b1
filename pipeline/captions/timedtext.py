"""YouTube's XML reader: srv3 (`timedtext`, milliseconds, words) and srv1 (`transcript`)."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.captions.cue import CaptionError, Captions
from pipeline.captions.json3 import parse_json3
from pipeline.captions.text import plain
from pipeline.captions.xmlfeed import feed


def parse_timedtext(text: str) -> Captions:
    """Read a whole document; it says the same as json3 in other words.

    Raises:
        CaptionError: `E_CAPPARSE` where it is neither, `W_CAPEMPTY` where nothing is said.
    """
    target = _Document()
    feed(text, target)
    return parse_json3({"events": target.events}, target.format)


@dataclass(slots=True)
class _Document:
    """Gathers events: `p` with its words `s`, or `text`."""

    format: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    _is_open: bool = False
    _parts: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.format:
            if name not in ("timedtext", "transcript"):
                raise CaptionError("E_CAPPARSE", f"the root must be timedtext, got {name[:40]}")
            self.format = {"timedtext": "srv3", "transcript": "srv1"}[name]
        elif name == "p":
            self._begin({"tStartMs": attributes.get("t")}, attributes.get("d"))
        elif name == "text":
            self._begin({"tStartMs": _ms(attributes.get("start"))}, _ms(attributes.get("dur")))
        elif name == "s" and self._is_open:
            self._close_segment()
            self.events[-1]["segs"].append({"tOffsetMs": attributes.get("t", "0")})

    def _begin(self, event: dict[str, Any], duration_ms: Any) -> None:
        if duration_ms is not None:
            event["dDurationMs"] = duration_ms
        self.events.append({**event, "segs": [{}]})
        self._is_open = True
        self._parts = []

    def _close_segment(self) -> None:
        self.events[-1]["segs"][-1]["utf8"] = "".join(self._parts)
        self._parts = []

    def data(self, text: str) -> None:
        if self._is_open:
            self._parts.append(text)

    def end(self, name: str) -> None:
        if name in ("p", "text") and self._is_open:
            self._is_open = False
            self._close_segment()
            if name == "text":
                # Markup stands in it once more, escaped.
                self.events[-1]["segs"] = [{"utf8": plain(self.events[-1]["segs"][0]["utf8"])}]


def _ms(seconds_text: str | None) -> float | None:
    try:
        return None if seconds_text is None else float(seconds_text) * 1000
    except ValueError:
        return None
