"""What a watched job prints, shown at once, also into a pipe."""

import sys

from pipeline.console import printable


def write(text: str) -> None:
    """Show a piece of a log as it is, but for what would move a terminal."""
    sys.stdout.write(printable(text))
    sys.stdout.flush()


def tell(line: str) -> None:
    """Print a line."""
    write(f"{line}\n")
