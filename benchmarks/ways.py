"""Four ways to cut one video into the same clips, each in a process of its own that counts CPU.

    python -m benchmarks.ways WAY VIDEO OUT

prints JSON: `clips`, `cpu_s` (this process and all it started, without imports), `rss_bytes` (the
largest child). Every way writes the same number of 3.2 s clips that do not overlap, with the same
x264 settings; `weakvid` and `ffmpeg` write the sound as flac too, the other two no sound.
"""

import json
import logging
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import imageio_ffmpeg

from configs.clips import ClipsConfig
from configs.runs import ShardsJob
from configs.shards import ShardsConfig
from configs.sources import SourcesConfig
from pipeline.listing.build import list_sources
from pipeline.listing.source import SourceFile
from pipeline.tasks.bundle import build_bundle
from pipeline.tasks.plan import plan_bundles
from shards.clipcodec import encode_clip
from shards.clipcodec_h264 import x264_options

CLIPS = ClipsConfig(policy="uniform", reject_flags=())
CLIP_S = CLIPS.num_frames / CLIPS.fps
WARM_UP = "friday.mp4"


def list_video(video: Path) -> SourceFile:
    """Return a video of a folder with its captions."""
    listing = list_sources(SourcesConfig(path=str(video.parent)))
    return next(source for source in listing.sources if Path(source.video).name == video.name)


def count_clips(video: Path) -> int:
    """Return how many whole clips a video holds, by its headers, as `plan_clips` counts them."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        if stream.duration and stream.time_base:
            end_s = float(((stream.start_time or 0) + stream.duration) * stream.time_base)
        else:
            end_s = (container.duration or 0) / 1_000_000
    return int(int(end_s * CLIPS.fps + 1e-5) / CLIPS.num_frames)


def weakvid(video: Path, out: Path) -> int:
    """Build a bundle as a Ray worker does: child, spool, tar, check and commit."""
    job = ShardsJob(clips=CLIPS, shards=ShardsConfig(out=str(out)))
    _, tasks = plan_bundles(job, str(out), [list_video(video)])
    records = [build_bundle(task, lambda counts: None) for task in tasks]
    return sum(record.num_samples for record in records)


def ffmpeg(video: Path, out: Path) -> int:
    """Decode once on one thread and cut on the way: the least that can be spent."""
    num_clips = count_clips(video)
    length = ["-t", str(num_clips * CLIP_S)]
    segment = ["-f", "segment", "-segment_time", str(CLIP_S), "-reset_timestamps", "1"]
    picture = ["-map", "0:v:0", *length, "-vf", f"{_FPS},{_SCALE}", *_x264()]
    picture += ["-force_key_frames", f"expr:gte(t,n_forced*{CLIP_S})", *segment]
    picture += ["-segment_format_options", "movflags=+faststart", f"{out}/%05d.mp4"]
    sound = ["-map", "0:a:0?", *length, "-ac", "1", "-ar", str(CLIPS.audio_hz), "-c:a", "flac"]
    sound += [*segment, f"{out}/%05d.flac"]
    _run(["-i", f"file:{video}", *picture, *sound])
    return _check(out, num_clips)


def ffmpeg_per_clip(video: Path, out: Path) -> int:
    """Seek and decode anew for each clip, as the public MIL-NCE loader does."""
    num_clips = count_clips(video)
    for number in range(num_clips):
        span = ["-ss", str(number * CLIP_S), "-t", str(CLIP_S + 0.1), "-i", f"file:{video}"]
        picture = ["-map", "0:v:0", "-vf", f"{_FPS},{_SCALE}", "-frames:v", str(CLIPS.num_frames)]
        _run([*span, *picture, *_x264(), "-movflags", "+faststart", f"{out}/{number:05d}.mp4"])
    return _check(out, num_clips)


def decord_per_clip(video: Path, out: Path) -> int:
    """Open and index the video anew for each clip, as loaders on decord do."""
    import decord

    num_clips = count_clips(video)
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        width, height = stream.width, stream.height
    scale = CLIPS.short_side / min(width, height)
    width, height = (2 * round(side * scale / 2) for side in (width, height))
    for number in range(num_clips):
        reader = decord.VideoReader(str(video), width=width, height=height, num_threads=1)
        rate = reader.get_avg_fps()
        times = (number * CLIP_S + place / CLIPS.fps for place in range(CLIPS.num_frames))
        places = [min(round(time_s * rate), len(reader) - 1) for time_s in times]
        clip = encode_clip(reader.get_batch(places).asnumpy(), CLIPS.fps, CLIPS.crf)
        (out / f"{number:05d}.mp4").write_bytes(clip)
    return num_clips


WAYS: dict[str, Callable[[Path, Path], int]] = {
    "weakvid": weakvid,
    "ffmpeg": ffmpeg,
    "ffmpeg-per-clip": ffmpeg_per_clip,
    "decord-per-clip": decord_per_clip,
}

_FPS = f"fps={CLIPS.fps}:round=up"
_SCALE = (
    f"scale=w='if(gt(iw,ih),-2,{CLIPS.short_side})':h='if(gt(iw,ih),{CLIPS.short_side},-2)'"
    ":flags=bicubic+accurate_rnd+bitexact,format=yuv420p"
)


def _x264() -> list[str]:
    options = [
        part for name, value in x264_options(CLIPS.crf).items() for part in (f"-{name}", value)
    ]
    return ["-c:v", "libx264", "-threads", "1", *options]


def _run(arguments: list[str]) -> None:
    start = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin"]
    subprocess.run([*start, "-threads", "1", "-filter_threads", "1", *arguments], check=True)


def _check(out: Path, num_clips: int) -> int:
    if len(list(out.glob("*.mp4"))) != num_clips:
        raise RuntimeError(f"ffmpeg must write {num_clips} clips, got {sorted(out.iterdir())}")
    return num_clips


def _cpu_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    """Measure one way on one video."""
    logging.disable(logging.WARNING)
    way, video, out = WAYS[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
    if way is weakvid:
        # A worker builds many videos: what it loads once is no cost of the next one.
        with tempfile.TemporaryDirectory() as folder:
            weakvid(video.parent / WARM_UP, Path(folder))
    before_s = _cpu_s()
    num_clips = way(video, out)
    cpu_s = _cpu_s() - before_s
    rss_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    print(json.dumps({"clips": num_clips, "cpu_s": cpu_s, "rss_bytes": rss_bytes}))


if __name__ == "__main__":
    main()
