"""`weakvid explain`: one clip back to its source, or why there is none."""

import shutil
import textwrap

from pipeline.console import say
from pipeline.viewer.catalog import Catalog
from pipeline.viewer.explain import explain
from pipeline.viewer.story import Chapter
from shards.manifest import Manifest

EXIT_OK = 0
LABEL_WIDTH = 18


def run(what: str, folder: str, source: str = "") -> int:
    """Print what is known of a sample, a video or a moment; return the exit code.

    Raises:
        ValueError: If the folder holds no whole set of shards, or nothing of that name.
    """
    chapters = explain(Catalog(Manifest.load(folder)), what, source)
    width = max(72, min(120, shutil.get_terminal_size((100, 24)).columns))
    say("\n\n".join(_text(chapter, width) for chapter in chapters if chapter.facts))
    return EXIT_OK


def _text(chapter: Chapter, width: int) -> str:
    label_width = max([LABEL_WIDTH, *(len(label) + 1 for label, _ in chapter.facts)])
    lines = [chapter.title]
    for label, value in chapter.facts:
        lines += textwrap.wrap(
            " ".join(value.split()),
            width,
            initial_indent=f"  {label:<{label_width}}",
            subsequent_indent=" " * (label_width + 2),
            break_on_hyphens=False,
            break_long_words=False,
        ) or [f"  {label}"]
    return "\n".join(lines)
