"""How near the builder comes to one pass of ffmpeg, and whether two workers are twice as fast.

    make bench-shards            or: python -m benchmarks.shards_speed [--rounds 3] [--videos DIR]

CPU time per clip on each real video of 360p and more, the ways interleaved, medians of the
rounds; then the wall-clock time of a build of copies of them on one Ray worker and on two. Ends
with exit code 1 where a bar is missed. Load on the machine moves the second part, so run it on a
quiet one.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TypeAlias

import av
import imageio_ffmpeg

from benchmarks.ways import CLIPS, WAYS

CPU_BAR = 1.2
"""CPU time per clip as a multiple of one pass of ffmpeg on one thread, median of the videos."""

EFFICIENCY_BAR = 0.9
"""Wall-clock time on one worker over twice that on two."""

RSS_BAR = 2**30
"""Bytes of a decoder child at 1080p."""

MIN_SIDE_PX = 360
SUFFIXES = frozenset({".mp4", ".mov", ".wmv", ".avi", ".mkv"})
ONCE = frozenset({"ffmpeg-per-clip", "decord-per-clip"})
"""Ways without a bar, far off it: one round is enough."""

COPIES = 6

Found: TypeAlias = dict[str, Any]


def main() -> None:
    """Measure, print tables and bars."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    data = Path(os.environ.get("WEAKVID_TEST_DATA", "../shared/data"))
    parser.add_argument("--videos", type=Path, default=data / "narrated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip", choices=["cpu", "workers"], help="leave a part out")
    arguments = parser.parse_args()
    videos = [path for path in sorted(arguments.videos.resolve().iterdir()) if _is_large(path)]
    if not videos:
        raise SystemExit(f"--videos must hold videos of {MIN_SIDE_PX}p and more")
    missed: list[str] = []
    if arguments.skip != "cpu":
        missed += measure_cpu(videos, arguments.rounds)
    if arguments.skip != "workers":
        missed += measure_workers(videos)
    print("\nall bars are met" if not missed else "\nmissed: " + "; ".join(missed))
    sys.exit(bool(missed))


def _is_large(path: Path) -> bool:
    if path.suffix not in SUFFIXES:
        return False
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return min(stream.width, stream.height) >= MIN_SIDE_PX


def measure_cpu(videos: list[Path], num_rounds: int) -> list[str]:
    """Print CPU time per clip of each way on each video; return the bars that are missed."""
    names = list(WAYS)
    print(f"CPU time per clip in ms, median of {num_rounds} rounds; in brackets over ffmpeg's\n")
    print(f"| video | clips | {' | '.join(names)} |")
    print("| --- | ---: |" + " ---: |" * len(names))
    ratios: dict[str, list[float]] = {name: [] for name in names}
    rss_bytes = 0
    for video in videos:
        found = {name: [_measure(name, video)] for name in names}
        for _ in range(num_rounds - 1):
            for name in names:
                if name not in ONCE:
                    found[name].append(_measure(name, video))
        cost_ms = {
            name: 1000 * statistics.median(_per_clip(one) for one in found[name]) for name in names
        }
        cells = []
        for name in names:
            if math.isnan(ratio := cost_ms[name] / cost_ms["ffmpeg"]):
                cells.append("refused")
                continue
            ratios[name].append(ratio)
            cells.append(f"{cost_ms[name]:.0f} ({ratio:.2f})")
        rss_bytes = max(rss_bytes, *(one["rss_bytes"] for one in found["weakvid"]))
        label = f"{video.name}, {_height(video)}p"
        print(f"| {label} | {found['weakvid'][0]['clips']} | {' | '.join(cells)} |", flush=True)
    medians = {name: statistics.median(ratios[name]) for name in names}
    print(
        "| median of the ratios | | " + " | ".join(f"{one:.2f}" for one in medians.values()) + " |"
    )
    return [
        *_bar(medians["weakvid"], CPU_BAR, "CPU time over ffmpeg's"),
        *_bar(rss_bytes / RSS_BAR, 1.0, "largest decoder child, GiB"),
    ]


def _measure(way: str, video: Path) -> Found:
    with tempfile.TemporaryDirectory() as out:
        ended = subprocess.run(
            [sys.executable, "-m", "benchmarks.ways", way, str(video), out],
            capture_output=True,
            check=False,
            text=True,
        )
    if ended.returncode and way in ONCE:
        return {"clips": 0, "cpu_s": 0.0, "rss_bytes": 0}
    if ended.returncode:
        raise SystemExit(f"{way} failed on {video.name}:\n{ended.stderr[-2000:]}")
    return json.loads(ended.stdout.splitlines()[-1])


def _per_clip(found: Found) -> float:
    return found["cpu_s"] / found["clips"] if found["clips"] else float("nan")


def _height(video: Path) -> int:
    with av.open(str(video)) as container:
        return min(container.streams.video[0].width, container.streams.video[0].height)


def _bar(value: float, bar: float, name: str, *, at_least: bool = False) -> list[str]:
    is_met = value >= bar if at_least else value <= bar
    sign = ">=" if at_least else "<="
    text = f"{name} {value:.2f}, bar {sign} {bar}"
    print(f"{'met' if is_met else 'MISSED'}: {text}", flush=True)
    return [] if is_met else [text]


def measure_workers(videos: list[Path]) -> list[str]:
    """Print wall-clock times on one worker and on two; return the bars that are missed."""
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder, "sources")
        shortest = min(videos, key=lambda path: path.stat().st_size)
        _copy([shortest], sources / "few", 4)
        # The longest one would be the tail of the build: no builder cuts one video in two.
        longest = max(videos, key=lambda path: path.stat().st_size)
        _copy([video for video in videos if video != longest], sources / "many", COPIES)
        found = {count: _build(count, sources, Path(folder, str(count))) for count in (1, 2)}
    one_s, two_s = found[1]["wall_s"], found[2]["wall_s"]
    print(f"\nbuild of {found[1]['clips']} clips: {one_s:.1f} s on 1 worker, {two_s:.1f} s on 2")
    print(
        f"two passes of ffmpeg at once, each pinned to a CPU: {_ceiling(longest):.2f} of twice one"
    )
    spilled = max(one["spilled_bytes"] for one in found.values())
    return [
        *_bar(one_s / (2 * two_s), EFFICIENCY_BAR, "efficiency of 2 workers", at_least=True),
        *_bar(spilled, 0, "bytes spilled by Ray"),
    ]


def _ceiling(video: Path, num_rounds: int = 3) -> float:
    """Return the efficiency that this machine lets two processes have that share nothing.

    Two CPUs share memory, caches and clock, so it is below 1: no builder can be above it.
    """
    scale = ["-vf", f"fps={CLIPS.fps},scale=-2:{CLIPS.short_side}"]
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-threads", "1"]
    words += ["-filter_threads", "1", "-i", f"file:{video}", *scale, "-an"]
    words += ["-threads", "1", "-c:v", "libx264", "-f", "null", "-"]
    cpus = sorted(os.sched_getaffinity(0))[:2]

    def wall_s(count: int) -> float:
        started_s = time.monotonic()
        passes = [subprocess.Popen(["taskset", "-c", str(cpu), *words]) for cpu in cpus[:count]]
        for one in passes:
            if one.wait():
                raise SystemExit(f"ffmpeg failed on {video.name}")
        return time.monotonic() - started_s

    return statistics.median(wall_s(1) / wall_s(2) for _ in range(num_rounds))


def _copy(videos: list[Path], folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for video in videos:
        for path in video.parent.glob(f"{video.stem}.*"):
            for number in range(count):
                shutil.copyfile(path, folder / f"{video.stem}-{number}{path.suffix}")


def _build(num_cpus: int, sources: Path, out: Path) -> Found:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.workers", str(num_cpus), str(sources), str(out)],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if ended.returncode:
        raise SystemExit(f"the build on {num_cpus} workers failed:\n{ended.stdout[-2000:]}")
    return json.loads(ended.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
