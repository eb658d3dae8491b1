"""XML of a stranger -> calls of a target, without a tree, a DOCTYPE or endless nesting."""

from typing import Protocol
from xml.etree import ElementTree

from pipeline.captions.cue import CaptionError

_MAX_DEPTH = 100


class Target(Protocol):
    """What is called with local names; namespaces are left out."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def data(self, text: str) -> None: ...
    def end(self, name: str) -> None: ...


def feed(text: str, target: Target) -> None:
    """Parse a whole document.

    Raises:
        CaptionError: `E_CAPPARSE` where it is no XML, has a DOCTYPE, or nests too deep; nothing
            after that is read, so there are no entities to expand.
    """
    parser = ElementTree.XMLParser(target=_Guard(target))
    try:
        # Bytes were decoded before, so that what the document declares no longer holds.
        parser.feed(_without_declaration(text))
        parser.close()
    except (ElementTree.ParseError, ValueError) as error:
        raise CaptionError("E_CAPPARSE", f"not XML: {error}") from None


def _without_declaration(text: str) -> str:
    text = text.lstrip()
    return text.partition("?>")[2].lstrip() if text.startswith("<?xml") else text


class _Guard:
    """Target of the parser that refuses what is hostile."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._depth = 0

    def doctype(self, *_: str | None) -> None:
        """Refuse; expat has read nothing after it yet."""
        raise CaptionError("E_CAPPARSE", "a DOCTYPE is refused")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise CaptionError("E_CAPPARSE", f"elements nest deeper than {_MAX_DEPTH}")
        names = {key.rpartition("}")[2]: value for key, value in attributes.items()}
        self._target.start(tag.rpartition("}")[2], names)

    def data(self, text: str) -> None:
        """Pass text on."""
        self._target.data(text)

    def end(self, tag: str) -> None:
        """Close an element."""
        self._depth -= 1
        self._target.end(tag.rpartition("}")[2])

    def close(self) -> None:
        """Nothing is left to do."""
