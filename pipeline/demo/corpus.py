"""Builds the demo corpus: videos, captions and truth files in one folder."""

import hashlib
import json
import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from configs.demo_corpus import DemoCorpusConfig
from pipeline.demo.captions import webvtt_text
from pipeline.demo.encode import encode_video
from pipeline.demo.narrate import narrate
from pipeline.demo.render import render_frames
from pipeline.demo.sound import AUDIO_HZ, render_sound
from pipeline.demo.truth import Planned, corpus_summary, cue_rows, json_lines, step_rows
from pipeline.demo.world import build_world

logger = logging.getLogger(__name__)

CORPUS_VERSION = 4
"""Raised by hand when the same seed is meant to give other bytes."""

Digests = dict[str, str]
OnVideo = Callable[[int, int], None]


def plan_video(config: DemoCorpusConfig, index: int) -> Planned:
    """What video `index` shows and says. Instant, and independent of all other videos."""
    world = build_world(config.seed, index, config.steps_per_video)
    return world, narrate(world)


def build_corpus(config: DemoCorpusConfig, on_video: OnVideo | None = None) -> int:
    """Write the corpus, unless it stands there complete already.

    Args:
        config: folder, size and seed.
        on_video: called with (done, total) after each video.

    Returns:
        Number of videos.

    Raises:
        ValueError: the folder holds videos or captions that are not of this corpus.
    """
    out = Path(config.out)
    planned = [plan_video(config, index) for index in range(config.videos)]
    _refuse_strangers(out, planned)
    if _is_complete(config, out):
        logger.info("the demo corpus in %s is complete already", out)
        return config.videos
    truth = out / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    # corpus.json is the mark of a complete corpus: first to go, last to come.
    (truth / "corpus.json").unlink(missing_ok=True)
    digests: Digests = {}
    for done, written in enumerate(_write_videos(config), start=1):
        digests.update(written)
        if on_video:
            on_video(done, config.videos)
    _write_truth(config, truth, planned, digests)
    return config.videos


def write_video(config: DemoCorpusConfig, index: int) -> Digests:
    """Write one video and its captions; name -> sha256 of each file."""
    out = Path(config.out)
    world, cues = plan_video(config, index)
    video = out / f"{world.video_id}.mp4"
    part = out / f"{world.video_id}.mp4.part"
    encode_video(part, render_frames(world), world.fps, render_sound(world), AUDIO_HZ)
    part.replace(video)
    captions = out / f"{world.video_id}.vtt"
    _write_atomic(captions, webvtt_text(cues).encode())
    return {path.name: _sha256(path) for path in (video, captions)}


def _write_videos(config: DemoCorpusConfig) -> Iterator[Digests]:
    if config.workers == 1:
        yield from (write_video(config, index) for index in range(config.videos))
        return
    # spawn, since the caller may run threads (Ray, torch) that a fork would break.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        min(config.workers, config.videos),
        mp_context=context,
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),  # Ctrl-C is the parent's to handle
    ) as pool:
        yield from pool.map(partial(write_video, config), range(config.videos))


def _write_truth(
    config: DemoCorpusConfig, truth: Path, planned: list[Planned], digests: Digests
) -> None:
    steps = json_lines(row for world, _ in planned for row in step_rows(world))
    cues = json_lines(row for world, spoken in planned for row in cue_rows(world, spoken))
    _write_atomic(truth / "steps.jsonl", steps)
    _write_atomic(truth / "cues.jsonl", cues)
    summary = {**_identity(config), **corpus_summary(planned), "files": digests}
    text = json.dumps(summary, sort_keys=True, indent=1) + "\n"
    _write_atomic(truth / "corpus.json", text.encode())


def _identity(config: DemoCorpusConfig) -> dict:
    """What decides the bytes of a corpus: not its folder, not the number of workers."""
    decisive = config.model_dump(include={"seed", "videos", "steps_per_video"})
    return {"version": CORPUS_VERSION, **decisive}


def _is_complete(config: DemoCorpusConfig, out: Path) -> bool:
    record = out / "truth" / "corpus.json"
    if not record.is_file():
        return False
    summary = json.loads(record.read_bytes())
    identity = _identity(config)
    if {key: summary.get(key) for key in identity} != identity:
        return False
    files = [(out / name, digest) for name, digest in summary["files"].items()]
    return all(path.is_file() and _sha256(path) == digest for path, digest in files)


def _refuse_strangers(out: Path, planned: list[Planned]) -> None:
    """A folder of videos is read as a whole later, so nothing else may stand in it."""
    ours = {f"{world.video_id}{suffix}" for world, _ in planned for suffix in (".mp4", ".vtt")}
    found = sorted(path.name for suffix in ("mp4", "vtt") for path in out.glob(f"*.{suffix}"))
    strangers = [name for name in found if name not in ours]
    if strangers:
        raise ValueError(
            f"{out} must hold no videos or captions but those of this corpus, "
            f"got {len(strangers)} others such as {strangers[0]}; empty it or set another --out"
        )


def _write_atomic(path: Path, data: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
