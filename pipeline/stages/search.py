"""`weakvid search`: clips of an embedded collection, found by words or by an example."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.console import printable, say
from pipeline.reports.axis import clock
from pipeline.reports.text import shorten
from pipeline.stages.embed import recall_line
from shards import storage
from shards.features.folder import MANIFEST, PLAN, Collection

if TYPE_CHECKING:
    from trainers.embedding.search import Hit, Searcher

EXIT_OK, EXIT_NOTHING = 0, 1
ROOT = "runs"


def run(
    where: str,
    words: str | None,
    like: str,
    clip: str,
    run: str,
    top: int,
    split: str,
    as_json: bool,
) -> int:
    """Print what is found, the nearest first; return the exit code, 1 where nothing is.

    Args:
        where: A run's name or folder, or a folder of embeddings.
        words: What is meant.
        like: Key of a clip of the collection.
        clip: A video file.
        run: Folder of the run; empty: where it was when it embedded.
        top: Clips at most.
        split: Search this split only; empty: all.
        as_json: Whether to print one object instead of a table.

    Raises:
        ValueError: If there is no such collection or run, or the query cannot be understood.
    """
    from trainers.embedding.search import Searcher

    collection = Collection.load(collection_folder(where))
    searcher = Searcher(collection, run, split)
    if clip:
        hits = searcher.by_frames(_frames(searcher, Path(clip)), top)
    elif like:
        hits = searcher.by_key(like, top)
    else:
        hits = searcher.by_words(words or "", top)
    recall, num_queries = searcher.agreement(top)
    if as_json:
        found = {
            "hits": [asdict(hit) for hit in hits],
            "index_recall": recall,
            "index_queries": num_queries,
            "run_recall": collection.manifest["recall"],
        }
        say(json.dumps(found, indent=1))
        return EXIT_OK if hits else EXIT_NOTHING
    Console().print(_table(hits))
    measured = (
        f"recall@{top} {100 * recall:.1f} % against all scores, {num_queries} held-out queries"
        if num_queries
        else "its recall not measured, nothing is held out"
    )
    say(f"{len(searcher.about)} clips searched, exactly: {measured}")
    say(recall_line(collection.manifest["recall"]))
    return EXIT_OK if hits else EXIT_NOTHING


def collection_folder(where: str) -> str:
    """Return the folder of embeddings that is meant.

    Raises:
        ValueError: If there is none.
    """
    own = [storage.join(where, "embeddings")]
    named = [] if "/" in where else [storage.join(ROOT, where, "embeddings")]
    for place in [where, *own, *named]:
        if any(storage.exists(storage.join(place, name)) for name in (MANIFEST, PLAN)):
            return place
    raise ValueError(
        f"search needs a folder that `weakvid embed` wrote, or a run that has one, got {where!r}; "
        f"`weakvid embed --run.name {where.rstrip('/').rpartition('/')[2]}` writes one"
    )


def _frames(searcher: "Searcher", path: Path):  # noqa: ANN202  numpy is heavy, and not needed here
    """Return an example's frames, as many and as fast as the clips of the collection's shards."""
    from pipeline.media.example import middle_clip
    from shards.manifest import Manifest
    from shards.read import read_sample_at

    shards = searcher.collection.manifest["shards"]
    row = Manifest.load(shards).rows(0, 1, ["shard", "offset", "length"]).to_pylist()[0]
    place = storage.join(shards, row["shard"])
    meta = read_sample_at(place, row["offset"], row["length"]).meta
    data = searcher.encoders.job.data
    return middle_clip(path, int(meta["n"]), int(meta["fps"]), data.resize)


def _table(hits: "list[Hit]") -> Table:
    table = Table()
    for heading, style in (("", "right"), ("score", "right"), ("video", "left"), ("time", "right")):
        table.add_column(heading, justify=style)  # pyrefly: ignore[bad-argument-type]
    table.add_column("nearest words", justify="left")
    table.add_column("key", justify="left", no_wrap=True)
    for hit in hits:
        about = hit.about
        table.add_row(
            str(hit.rank),
            f"{hit.score:.3f}",
            _text(about["video_id"], 40),
            clock(about["t0_ms"] / 1000),
            _text(about["caption"], 60),
            about["key"],
        )
    return table


def _text(words: str, limit: int) -> Text:
    """Return words of strangers, in which nothing is obeyed."""
    return Text(printable(shorten(words, limit)))
