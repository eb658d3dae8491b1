"""What a page is asked for, read from an address and written into links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self
from urllib.parse import urlencode

PAGE_SIZE = 24
"""Rows on a page."""

MAX_CHARACTERS = 300
MAX_PAGE = 10**9


@dataclass(frozen=True, slots=True)
class Query:
    """Words and filters; an empty text filters nothing.

    Attributes:
        words: All of them must be found.
        split: `train`, `val` or `test`.
        flag: A flag that the sample or video has.
        lang: A language.
        code: A reject code.
        meaning: Words of which the samples are ranked by what they mean.
        like: Key of a sample by which they are ranked instead.
        order: `time`: by video and time; else as the shards have them.
        page: From 1.
    """

    words: str = ""
    split: str = ""
    flag: str = ""
    lang: str = ""
    code: str = ""
    meaning: str = ""
    like: str = ""
    order: str = ""
    page: int = 1

    @classmethod
    def read(cls, parameters: Mapping[str, Sequence[str]]) -> Self:
        """Return the query in the parameters of an address. Anything odd asks for nothing."""
        given = {name: values[0][:MAX_CHARACTERS] for name, values in parameters.items() if values}
        names = [field.name for field in fields(cls) if field.name != "page"]
        texts = {name: given.get("q" if name == "words" else name, "") for name in names}
        page = given.get("page", "1")
        number = int(page) if page.isascii() and page.isdecimal() else 1
        return cls(**texts, page=min(max(1, number), MAX_PAGE))

    def without_page(self) -> Self:
        """Return the same query for its first page: what a search is remembered by."""
        return replace(self, page=1)

    @property
    def is_ranked(self) -> bool:
        """Whether samples are ranked by a meaning."""
        return bool(self.meaning or self.like)

    def link(self, path: str, **changes: Any) -> str:
        """Return an address that asks the same but for some changes, on its first page."""
        asked = replace(self, **{"page": 1, **changes})
        pairs = {
            "q" if field.name == "words" else field.name: value
            for field in fields(asked)
            if (value := getattr(asked, field.name)) not in ("", 1)
        }
        return f"{path}?{urlencode(pairs)}" if pairs else path


def pages_around(page: int, num_pages: int, reach: int = 2) -> list[int]:
    """Return the pages to link to: the first, the last and those around; 0 marks a gap."""
    near = {1, num_pages, *range(max(1, page - reach), min(num_pages, page + reach) + 1)}
    listed: list[int] = []
    for number in sorted(near):
        if listed and number > listed[-1] + 1:
            listed.append(0)
        listed.append(number)
    return listed
