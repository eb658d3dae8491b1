"""Five thousand sources in an S3 server that fails a request in twenty: the same bytes."""

import re
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from builds import environment, weakvid
from kills import Run

from shards import storage

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(4 * 3600)]

NUM_SOURCES = 5000
NUM_PICTURES = 8
FILE_BYTES = 64 << 10
SCRATCH_BYTES = 4 * FILE_BYTES
SHARE = 0.05


def little_video(path: Path, seed: int) -> bytes:
    """Four seconds of 64 x 48 at 10 fps."""
    noise = np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1, 10)
        for _ in range(40):
            picture = noise.integers(0, 255, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def fill(source: str, folder: Path) -> int:
    """Put the sources into a bucket, no two with the same bytes; return their bytes in all."""
    videos = [little_video(folder / f"{seed}.mp4", seed) for seed in range(NUM_PICTURES)]

    def put(index: int) -> int:
        # A box of free space at the end: the same pictures, other bytes.
        data = videos[index % NUM_PICTURES] + struct.pack(">I4sQ", 16, b"free", index)
        words = f"WEBVTT\n\n00:00.500 --> 00:03.500\nthis is source number {index}\n"
        storage.write_atomic(f"{source}/{index:04d}.mp4", data)
        storage.write_atomic(f"{source}/{index:04d}.vtt", words.encode())
        return len(data)

    with ThreadPoolExecutor(16) as pool:
        return sum(pool.map(put, range(NUM_SOURCES)))


class Disk:
    """The most bytes that copies, and all work files, took in scratch."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.copies = self.everything = 0

    def __enter__(self) -> "Disk":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            taken = {path: _blocks(path) for path in self._scratch.rglob("*")}
            copies = sum(size for path, size in taken.items() if path.name.startswith("fetched-"))
            self.copies = max(self.copies, copies)
            self.everything = max(self.everything, sum(taken.values()))


def _blocks(path: Path) -> int:
    try:
        return 512 * path.lstat().st_blocks if path.is_file() else 0
    except FileNotFoundError:
        return 0


def tree(out: str) -> dict[str, tuple[int, str]]:
    """Size and version of every object; how long it took to make is no content."""
    found = storage.list_versions(out, deep=True)
    found.pop(f"{out}/.costs.jsonl", None)
    return {path.removeprefix(out): version for path, version in found.items()}


def test_a_store_that_fails_a_request_in_twenty_gives_the_same_bytes(
    bucket, faulty_s3, tmp_path, root, figures
):
    source, log, scratch = f"{bucket}/videos", tmp_path / "log", tmp_path / "scratch"
    total = fill(source, tmp_path)
    figures(sources=NUM_SOURCES, bytes_of_all_sources=total)

    def command(out: str) -> list[str]:
        return weakvid(
            *("shards", "--sources.path", source, "--shards.out", out),
            *("--clips.short-side", "48", "--shards.sources-per-bundle", "100"),
            *("--sources.limits.file-bytes", str(FILE_BYTES)),
            *("--shards.scratch", str(scratch), "--shards.scratch-bytes", str(SCRATCH_BYTES)),
        )

    def build(out: str) -> float:
        log.write_text("")
        with Run(command(out), log, environment(root)) as run:
            assert run.wait(7200) == 0, log.read_text()[-3000:]
            return time.monotonic() - run.started

    calm_s = build(f"{bucket}/calm")
    want = tree(f"{bucket}/calm")

    counts = faulty_s3(SHARE, "429,503", seed=7)
    out = f"{bucket}/faulty"
    with Disk(scratch) as disk:
        faulty_s = build(out)
    said = re.search(r"(\d+) requests failed and were sent again", log.read_text())
    faults = counts()
    figures(
        objects=len(want),
        requests=sum(faults.values()),
        refused_429=faults["429"],
        refused_503=faults["503"],
        retries_told=int(said[1]) if said else 0,
        quota=SCRATCH_BYTES,
        most_bytes_of_copies=disk.copies,
        most_bytes_of_scratch=disk.everything,
        seconds_without_faults=calm_s,
        seconds_with_faults=faulty_s,
    )
    assert tree(out) == want
    assert said is not None and int(said[1]) > 0.5 * (faults["429"] + faults["503"]) > 0
    assert 0 < disk.copies <= SCRATCH_BYTES < total
