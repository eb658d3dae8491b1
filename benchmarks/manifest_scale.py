"""The manifest with very many rows: folded from records, loaded, read by column, asked by DuckDB.

    .venv/bin/python benchmarks/manifest_scale.py [--rows N] [--folder DIR] [--step make|use|all]

Bundles are made without a decoder: 32 videos of 113 clips, in two tars, as HowTo100M has them on
average; narration of words by Zipf's law. Every row is a different one. `make` and `use` may be
called one after the other on a folder that stays. Prints a table; exits 1 if a bar is missed.
"""

import argparse
import functools
import hashlib
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.console import say
from shards.columns import COLUMNS
from shards.commit import DONE, BundleRecord, committed_bundles, record_path, rows_path
from shards.fold import fold
from shards.manifest import SAMPLES, Manifest
from shards.order import EpochOrder
from shards.rows import STORED
from shards.write import PartRecord

VIDEOS_PER_BUNDLE, CLIPS_PER_VIDEO = 32, 113
ROWS_PER_BUNDLE = VIDEOS_PER_BUNDLE * CLIPS_PER_VIDEO
ROWS_PER_TAR = 2000

FOLD_US_PER_ROW, FOLD_MIB = 10.0, 1024.0
"""CPU time: a fold waits for nothing but the disk."""

LOAD_S, LOAD_MIB = 5.0, 1024.0
READER_BYTES_PER_ROW = 60.0
"""Peak of what a training process needs to find clips; it keeps 24 bytes a row."""

MIB = 2**20


def main() -> int:
    """Make, use, or both; return the exit code."""
    parser = argparse.ArgumentParser(description="The manifest with very many rows.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", default="", help="where to work (default: a temporary one)")
    parser.add_argument("--step", choices=("make", "use", "all"), default="all")
    arguments = parser.parse_args()
    folder = arguments.folder or tempfile.mkdtemp(prefix="manifest-scale-")
    num_bundles = max(1, arguments.rows // ROWS_PER_BUNDLE)
    try:
        if arguments.step != "use":
            make(folder, num_bundles)
        return use(folder) if arguments.step != "make" else 0
    finally:
        if not arguments.folder:
            shutil.rmtree(folder)


def make(out: str, num_bundles: int) -> None:
    """Commit bundles; those that are there already stay."""
    start = time.monotonic()
    (Path(out) / DONE).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(_make_bundle, [out] * num_bundles, range(num_bundles), chunksize=50):
            pass
    size = sum(entry.stat().st_size for entry in os.scandir(Path(out) / DONE))
    say(
        f"{num_bundles * ROWS_PER_BUNDLE} rows in {num_bundles} bundles made in "
        f"{time.monotonic() - start:.0f} s: records and rows {size / MIB:.0f} MiB"
    )


def use(out: str) -> int:
    """Print what each use costs, in a process of its own; return the exit code."""
    num_rows = len(committed_bundles(out)) * ROWS_PER_BUNDLE
    say(f"{num_rows} rows")
    say(f"{'step':<28}{'s':>8}{'CPU s':>8}{'us/row':>8}{'peak MiB':>10}  notes")
    passed = [_in_fork(step, out, num_rows) for step in STEPS]
    return 0 if all(passed) else 1


def fold_step(out: str, num_rows: int) -> bool:
    """Fold all records into the manifest."""
    start = time.monotonic()
    fold(out, committed_bundles(out))
    seconds = time.monotonic() - start
    size = (Path(out) / SAMPLES).stat().st_size
    cpu_us_per_row = time.process_time() * 1e6 / num_rows
    passed = cpu_us_per_row < FOLD_US_PER_ROW and _peak_mib() < FOLD_MIB
    return _show("fold", seconds, num_rows, f"table {size / MIB:.0f} MiB", passed)


def load_step(out: str, num_rows: int) -> bool:
    """Load the manifest, and no row."""
    start = time.monotonic()
    manifest = Manifest.load(out)
    seconds = time.monotonic() - start
    passed = seconds < LOAD_S and _peak_mib() < LOAD_MIB
    return _show("load", seconds, num_rows, f"{len(manifest.shards)} shards", passed)


def reader_step(out: str, num_rows: int) -> bool:
    """What a training process holds to find a clip: its shard, place and video, and its split."""
    from configs.data import DataConfig
    from trainers.data.corpus import Corpus
    from trainers.data.reader import ClipReader

    base = _peak_mib()
    start = time.monotonic()
    manifest = Manifest.load(out)
    reader = ClipReader(DataConfig(shards=out), Corpus([manifest]), None, 5, 16)  # type: ignore[arg-type]
    rows = manifest.rows_of_split("train")
    seconds = time.monotonic() - start
    bytes_per_row = (_peak_mib() - base) * MIB / num_rows
    held = sum(array.nbytes for array in reader.places) + rows.nbytes
    note = f"{len(rows)} to train on, {held / num_rows:.0f} bytes a row held"
    is_large = num_rows > 10_000_000  # below, the libraries weigh more than the rows
    passed = not is_large or bytes_per_row < READER_BYTES_PER_ROW
    return _show("what a trainer needs", seconds, num_rows, note, passed)


def order_step(out: str, num_rows: int) -> bool:
    """Draw the order of one epoch."""
    manifest = Manifest.load(out)
    shards = manifest.shard_of_row()
    start = time.monotonic()
    EpochOrder(num_rows, 8192, 0, shards=shards).batch(0)
    return _show("order of an epoch", time.monotonic() - start, num_rows, "", True)


def one_column_step(out: str, num_rows: int) -> bool:
    """Read one column of one split, as a report would."""
    start = time.monotonic()
    total = sum(
        int(rows["num_windows"].to_numpy().sum())
        for rows in Manifest.load(out).batches(["num_windows"], "val")
    )
    return _show("a column of a split", time.monotonic() - start, num_rows, f"sum {total}", True)


def duckdb_step(out: str, num_rows: int) -> bool:
    """Ask DuckDB for the clips of each split."""
    import duckdb

    start = time.monotonic()
    query = f"select split, count(*) from '{out}/{SAMPLES}' group by split order by split"
    found = duckdb.sql(query).fetchall()
    note = ", ".join(f"{count} {split}" for split, count in found)
    assert sum(count for _, count in found) == num_rows
    return _show("DuckDB, clips by split", time.monotonic() - start, num_rows, note, True)


STEPS = (fold_step, load_step, reader_step, order_step, one_column_step, duckdb_step)


def _make_bundle(out: str, number: int) -> None:
    bundle = f"{number:06d}"
    if Path(record_path(out, bundle)).exists():
        return
    random = np.random.default_rng(number)
    ids = [hashlib.sha1(f"{bundle} {n}".encode()).hexdigest()[:11] for n in range(32)]
    table = _rows(ids, random)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=table.num_rows)
    data = sink.getvalue().to_pybytes()
    counts = [ROWS_PER_TAR, ROWS_PER_BUNDLE - ROWS_PER_TAR]
    parts = [
        PartRecord(f"{bundle}-{part:02d}.tar", "0" * 64, 200 << 20, count)
        for part, count in enumerate(counts)
    ]
    videos = [
        {
            "video_id": name, "name": f"{name}.mp4", "bytes": 20_000_000,
            "sha256": hashlib.sha256(name.encode()).hexdigest(), "duration_s": 393.0,
            "codec": "h264", "width": 640, "height": 360, "fps": 29.97, "lang": "en",
            "caption_format": "json3", "flags": [], "planned": CLIPS_PER_VIDEO,
            "written": CLIPS_PER_VIDEO, "rejected": 0, "extra": "",
        }
        for name in ids
    ]  # fmt: skip
    sha256 = hashlib.sha256(data).hexdigest()
    planned = dict.fromkeys(ids, CLIPS_PER_VIDEO)
    record = BundleRecord(bundle, "f" * 64, planned, parts, [], videos, rows_sha256=sha256)
    Path(rows_path(out, record)).write_bytes(data)
    Path(record_path(out, bundle)).write_bytes(record.to_bytes())


def _rows(ids: list[str], random: np.random.Generator) -> pa.Table:
    """Return the rows of a bundle in the order in which they would stand in its tars."""
    captions, stamps = _pools()
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in ids]
    splits = [("test", "val", *["train"] * 8)[int(text[:8], 16) % 10] for text in hashes]
    order = random.permutation(ROWS_PER_BUNDLE)
    steps = random.integers(1, 60, (len(ids), CLIPS_PER_VIDEO))
    slots = np.cumsum(steps, axis=1).reshape(-1)[order]
    video = pa.array(np.repeat(np.arange(len(ids)), CLIPS_PER_VIDEO)[order])
    length = 512 * random.integers(80, 240, ROWS_PER_BUNDLE)
    prefixes = pa.array([text[:16] for text in hashes])
    columns = {
        "key": pc.binary_join_element_wise(
            prefixes.take(video), stamps.take(pa.array(slots)), pa.scalar("_")
        ),
        "video_id": pa.array(ids).take(video),
        "split": pa.array(splits).take(video),
        "lang": pa.array(["en"] * ROWS_PER_BUNDLE),
        "offset": np.cumsum(length) - length,
        "length": length,
        "t0_ms": slots * 100,
        "t1_ms": slots * 100 + 3200,
        "num_windows": np.full(ROWS_PER_BUNDLE, 9, np.int32),
        "caption": captions.take(pa.array(random.integers(0, len(captions), ROWS_PER_BUNDLE))),
        "flags": pa.array(["[]"] * ROWS_PER_BUNDLE),
        "source_sha256": pa.array(hashes).take(video),
    }
    schema = pa.schema([COLUMNS.field(name) for name in STORED])
    return pa.table([columns[name] for name in STORED], schema=schema)


@functools.cache
def _pools() -> tuple[pa.Array, pa.Array]:
    """Return narration to draw from, words by Zipf's law, and the times of all slots."""
    random = np.random.default_rng(0)
    syllables = [a + b for a in ("a", "be", "co", "du", "fi", "go") for b in "lmnrstdgpk"]
    words = np.array([first + second for first in syllables for second in syllables[:50]])
    drawn = words[random.zipf(1.3, (1 << 18, 12)) % len(words)]
    counts = random.integers(4, 13, len(drawn))
    texts = [" ".join(row[:count]) for row, count in zip(drawn, counts, strict=True)]
    return pa.array(texts), pa.array([f"{slot * 100:09d}" for slot in range(60 * CLIPS_PER_VIDEO)])


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _in_fork(step: Callable[[str, int], bool], out: str, num_rows: int) -> bool:
    """Run a step in a fork, so that its peak of memory is its own; return whether it passed."""
    if not (child := os.fork()):
        try:
            os._exit(0 if step(out, num_rows) else 1)
        except BaseException:
            traceback.print_exc()
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _show(name: str, seconds: float, num_rows: int, note: str, passed: bool) -> bool:
    verdict = "" if passed else "  BAR MISSED"
    cpu_s = time.process_time()
    say(
        f"{name:<28}{seconds:>8.1f}{cpu_s:>8.1f}{cpu_s * 1e6 / num_rows:>8.2f}"
        f"{_peak_mib():>10.0f}  {note}{verdict}"
    )
    sys.stdout.flush()
    return passed


if __name__ == "__main__":
    sys.exit(main())
