"""The spans of a caption file, kept beside the run so that its gigabytes are read once."""

from collections.abc import Container

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.listing.spans import Span, find_spans
from shards import storage

INDEX_NAME = "captions.index.parquet"
INDEX_VERSION = 1
_KEY = b"weakvid.captions"


def spans_of(path: str, wanted: Container[str], cache: str) -> dict[str, Span]:
    """Return the spans of the wanted videos; the first one counts where an id stands twice.

    Args:
        path: HowTo100M's JSON of captions.
        wanted: Ids of videos.
        cache: Folder of the index; empty: the file is read through each time.

    Raises:
        ValueError: If the file is no such JSON.
    """
    table = _load_or_make(path, cache)
    spans: dict[str, Span] = {}
    for batch in table.to_batches(max_chunksize=1 << 14):
        for video_id, *place in zip(*(column.to_pylist() for column in batch), strict=True):
            if video_id in wanted and video_id not in spans:
                spans[video_id] = Span(*place)
    return spans


def _load_or_make(path: str, cache: str) -> pa.Table:
    size, stamp = storage.version_of(path)
    version = f"{INDEX_VERSION} {size} {stamp}".encode()
    index = storage.join(cache, INDEX_NAME) if cache else ""
    if index and storage.exists(index):
        with storage.open_read(index) as file:
            table = pq.read_table(file)
        if (table.schema.metadata or {}).get(_KEY) == version:
            return table
    table = _make(path).replace_schema_metadata({_KEY: version})
    if index:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        storage.make_folder(cache)
        storage.write_atomic(index, sink.getvalue().to_pybytes())
    return table


def _make(path: str) -> pa.Table:
    names, offsets, lengths, stamps = [], [], [], []
    for video_id, span in find_spans(path):
        names.append(video_id)
        offsets.append(span.offset)
        lengths.append(span.length)
        stamps.append(span.stamp)
    columns = {
        "video_id": pa.array(names, pa.string()),
        "offset": pa.array(offsets, pa.int64()),
        "length": pa.array(lengths, pa.int64()),
        "stamp": pa.array(stamps, pa.string()),
    }
    return pa.table(columns)
