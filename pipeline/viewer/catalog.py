"""What the pages show: samples, videos and rejects of a folder, found by words and filters.

Everything is arithmetic on Arrow columns: a search over a million rows takes a scan of one column,
and only the rows of one page become Python objects.
"""

import functools
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from pipeline.viewer.meaning import Meaning
from pipeline.viewer.query import PAGE_SIZE, Query
from shards import storage
from shards.manifest import REJECTS, Manifest

REJECT_COLUMNS = pa.schema(
    [
        ("video_id", pa.string()),
        ("code", pa.string()),
        ("stage", pa.string()),
        ("detail", pa.string()),
        ("clips", pa.int64()),
        ("t0_s", pa.float64()),
        ("source", pa.string()),
        ("bundle", pa.string()),
    ]
)
NUM_KEPT_SEARCHES = 32


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what was found, and how many there are in all."""

    rows: list[dict[str, Any]]
    total: int
    page: int

    @property
    def num_pages(self) -> int:
        """Pages of all that was found, at least one."""
        return max(1, -(-self.total // PAGE_SIZE))


class Catalog:
    """The tables of an output folder in memory.

    Args:
        manifest: What stands in the folder.
        meaning: Ranks its samples by what is meant, where there are embeddings.
    """

    def __init__(self, manifest: Manifest, meaning: Meaning | None = None) -> None:
        self.out = manifest.out
        self.manifest = manifest
        self.meaning = meaning
        self.samples = manifest.samples
        self._matching = functools.lru_cache(NUM_KEPT_SEARCHES)(self._search)

    @functools.cached_property
    def videos(self) -> pa.Table:
        """One row a source of a bundle, see `shards.columns.VIDEO_COLUMNS`."""
        return self.manifest.videos()

    @functools.cached_property
    def rejects(self) -> pa.Table:
        """One row a rejected video or clip, with `REJECT_COLUMNS`."""
        return _load_rejects(self.out)

    def clips(self, query: Query) -> Found:
        """Return samples whose caption or id holds all words, and that pass the filters."""
        return _page(self.samples, self._matching(query.without_page()), query.page)

    def sample_row(self, key: str) -> dict[str, Any] | None:
        """Return the manifest's row of a key, or none."""
        index = pc.index(self.samples["key"], key).as_py()
        return None if index < 0 else self.samples.slice(index, 1).to_pylist()[0]

    def clips_of(self, video_id: str) -> list[dict[str, Any]]:
        """Return the rows of a video in order of time."""
        rows = self.samples.filter(pc.field("video_id") == video_id)
        return rows.sort_by("t0_ms").to_pylist()

    def video(self, video_id: str) -> dict[str, Any] | None:
        """Return what is known of a video, or none."""
        return _first(self.videos.filter(pc.field("video_id") == video_id))

    def find_videos(self, query: Query) -> Found:
        """Return videos whose id or file name holds all words, by id."""
        masks = _word_masks(query.words, self.videos, ("video_id", "name"))
        if query.flag:
            masks.append(pc.match_substring(self.videos["flags"], json.dumps(query.flag)))
        if query.lang:
            masks.append(pc.equal(self.videos["lang"], query.lang))
        order = pc.sort_indices(self.videos, [("video_id", "ascending")])
        return _page(self.videos, _chosen(masks, order, self.videos.num_rows), query.page)

    def find_rejects(self, query: Query) -> Found:
        """Return rejects of a code whose id, file or detail holds all words."""
        masks = _word_masks(query.words, self.rejects, ("video_id", "source", "detail"))
        if query.code:
            masks.append(pc.equal(self.rejects["code"], query.code))
        return _page(self.rejects, _chosen(masks, None, self.rejects.num_rows), query.page)

    def lost(self, video_ids: Sequence[str]) -> dict[str, str]:
        """Return the code of each of these videos that is rejected as a whole."""
        is_asked = pc.is_in(self.rejects["video_id"], pa.array(video_ids, pa.string()))
        rows = self.rejects.filter(pc.and_(is_asked, pc.is_null(self.rejects["t0_s"])))
        pairs = rows.select(["video_id", "code"]).to_pylist()
        return {row["video_id"]: row["code"] for row in pairs}

    def rejects_of(self, video_id: str) -> list[dict[str, Any]]:
        """Return the rejects of a video, the video itself first, then clips in order of time."""
        rows = self.rejects.filter(pc.field("video_id") == video_id).to_pylist()
        return sorted(rows, key=lambda row: -1.0 if row["t0_s"] is None else row["t0_s"])

    @functools.cached_property
    def codes(self) -> list[tuple[str, int]]:
        """Reject codes with their numbers of rows, the most frequent first."""
        return _counts(self.rejects["code"])

    @functools.cached_property
    def flags(self) -> list[tuple[str, int]]:
        """Flags of samples with their numbers, the most frequent first."""
        return _flag_counts(self.samples["flags"])

    @functools.cached_property
    def video_flags(self) -> list[tuple[str, int]]:
        """Flags of videos with their numbers, the most frequent first."""
        return _flag_counts(self.videos["flags"])

    @functools.cached_property
    def languages(self) -> list[tuple[str, int]]:
        """Languages of samples with their numbers, the most frequent first; "" is unknown."""
        return _counts(self.samples["lang"])

    def _search(self, query: Query) -> pa.Array:
        masks = _word_masks(query.words, self.samples, ("caption", "video_id"))
        if query.flag:
            masks.append(pc.match_substring(self.samples["flags"], json.dumps(query.flag)))
        for column, wanted in (("split", query.split), ("lang", query.lang)):
            if wanted:
                masks.append(pc.equal(self.samples[column], wanted))
        order = self._by_time if query.order == "time" else None
        if self.meaning is not None and query.is_ranked:
            order = self.meaning.rows(query, self.samples["key"])
        return _chosen(masks, order, self.samples.num_rows)

    @functools.cached_property
    def _by_time(self) -> pa.Array:
        return pc.sort_indices(self.samples, [("video_id", "ascending"), ("t0_ms", "ascending")])


def _word_masks(words: str, table: pa.Table, columns: Sequence[str]) -> list[pa.ChunkedArray]:
    """Return one mask a word: it stands in one of the columns, in either case."""
    masks = []
    for word in words.split():
        found = [
            pc.fill_null(pc.match_substring(table[column], word, ignore_case=True), False)
            for column in columns
        ]
        masks.append(functools.reduce(pc.or_, found))
    return masks


def _chosen(masks: Sequence[pa.ChunkedArray], order: pa.Array | None, num_rows: int) -> pa.Array:
    """Return the indices of rows that all masks let pass, in `order`, else as they stand."""
    if not masks:
        return pa.array(range(num_rows), pa.uint64()) if order is None else order
    mask = functools.reduce(pc.and_, masks)
    if order is None:
        return pc.indices_nonzero(mask)
    return order.filter(mask.combine_chunks().take(order))


def _page(table: pa.Table, indices: pa.Array, page: int) -> Found:
    last = max(1, -(-len(indices) // PAGE_SIZE))
    page = min(page, last)
    rows = table.take(indices.slice((page - 1) * PAGE_SIZE, PAGE_SIZE)).to_pylist()
    return Found(rows, len(indices), page)


def _counts(column: pa.ChunkedArray) -> list[tuple[str, int]]:
    pairs = [(row["values"], row["counts"]) for row in pc.value_counts(column).to_pylist()]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0] or ""))


def _flag_counts(column: pa.ChunkedArray) -> list[tuple[str, int]]:
    found: Counter[str] = Counter()
    for text, count in _counts(column):
        found.update(dict.fromkeys(json.loads(text or "[]"), count))
    return found.most_common()


def _first(table: pa.Table) -> dict[str, Any] | None:
    return table.slice(0, 1).to_pylist()[0] if table.num_rows else None


def _load_rejects(out: str) -> pa.Table:
    data = storage.read_bytes(storage.join(out, REJECTS))
    if not data.strip():
        return REJECT_COLUMNS.empty_table()
    options = pj.ParseOptions(explicit_schema=REJECT_COLUMNS, unexpected_field_behavior="ignore")
    table = pj.read_json(
        pa.BufferReader(data),
        read_options=pj.ReadOptions(use_threads=False),
        parse_options=options,
    )
    return table.select(REJECT_COLUMNS.names)
