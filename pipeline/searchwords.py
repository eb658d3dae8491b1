"""The words of `weakvid search`: where to look, and what for."""

import argparse


def add_search_words(parser: argparse.ArgumentParser) -> None:
    """Add what `search` is asked with: words, a clip of the collection, or a video file."""
    parser.add_argument(
        "where",
        metavar="RUN|DIR",
        help="a run's name or folder, whose own embeddings are searched, or a folder that "
        "`weakvid embed` wrote",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("words", nargs="?", metavar="WORDS", help='what is meant: "pour the milk"')
    what.add_argument("--like", default="", metavar="KEY", help="clips like this one of them")
    what.add_argument("--clip", default="", metavar="FILE", help="clips like this video's middle")
    parser.add_argument(
        "--run",
        default="",
        metavar="DIR",
        help="folder of the run that embedded them, where it has been moved",
    )
    parser.add_argument("--top", type=_above_0, default=10, metavar="N", help="clips (default: 10)")
    parser.add_argument(
        "--split", default="", choices=("train", "val", "test"), help="look in this split only"
    )
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="one object, for programs"
    )


def _above_0(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number above 0, got {text!r}")
