"""A little trained run: eight videos of six noisy clips, a fresh model, true steps and cues."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from configs.data import DataConfig
from configs.models import ModelConfig, S3DConfig, TextConfig
from configs.runs import EvaluateJob, RunConfig, TrainJob
from configs.training import TrainingConfig
from shards.clipcodec import encode_audio, encode_clip
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.manifest import Manifest
from shards.schema import Sample, Split, Window
from shards.write import ShardWriter
from trainers.data.tokenizer import Tokenizer, train_tokenizer
from trainers.evaluation.frozen import Frozen
from trainers.evaluation.team import Team
from trainers.loop.checkpoint import save_checkpoint
from trainers.models.build import build_model

NUM_CLIPS = 6
CLIP_S = 3.2
SPLITS: tuple[Split, ...] = ("train", "train", "train", "train", "val", "val", "test", "test")
SENTENCES = ("chop the leek", "stir the pot", "fry the egg", "rinse the rice")


@dataclass(frozen=True)
class World:
    """Where the parts of the little run lie."""

    root: Path
    shards: Path
    steps: Path
    cues: Path

    def job(self, **evaluation: object) -> EvaluateJob:
        """Return a job that evaluates the run with these settings."""
        settings = {"batch": 5, "fusion": {"epochs": 2}} | evaluation
        return EvaluateJob.model_validate(
            {"run": {"name": "little", "root": str(self.root)}, "evaluation": settings}
        )

    @property
    def run_dir(self) -> Path:
        """Return the folder of the run."""
        return self.root / "little"


def window(index: int, text: str, distance_s: float = 0.0) -> Window:
    return Window(index, index * CLIP_S, (index + 1) * CLIP_S, text, (), 0.0, distance_s)


def make_sample(video: int, clip: int, windows: tuple[Window, ...], *, audio: bool) -> Sample:
    rng = np.random.default_rng([video, clip])
    frames_THWC = rng.integers(0, 255, (8, 32, 40, 3), np.uint8)
    sound = rng.normal(0, 500, 8000).astype(np.int16)
    meta = {"video_id": f"v{video}", "t0_s": clip * CLIP_S, "t1_s": (clip + 1) * CLIP_S, "n": 8}
    return Sample(
        meta,
        encode_clip(frames_THWC, fps=10, crf=30),
        windows[0].text,
        windows,
        encode_audio(sound, 16_000) if audio else None,
    )


def build_shards(out: Path, splits: tuple[Split, ...]) -> None:
    out.mkdir(parents=True)
    with ShardWriter(str(out), "000000", max_bytes=2**24, max_samples=1000) as writer:
        for video, split in enumerate(splits):
            said = [window(i, SENTENCES[(video + i) % 4]) for i in range(NUM_CLIPS)]
            for clip in range(NUM_CLIPS):
                nearest = sorted(said, key=lambda w: abs(w.index - clip))
                audio = (video, clip) != (0, 0)
                writer.add(make_sample(video, clip, tuple(nearest[:3]), audio=audio), split)
        parts = writer.finish()
    planned = {f"v{video}": NUM_CLIPS for video in range(len(splits))}
    commit_bundle(str(out), BundleRecord("000000", "f", planned, parts))
    fold(str(out), ["000000"])


def write_run(root: Path, shards: Path) -> None:
    job = TrainJob(
        run=RunConfig(name="little", root=str(root)),
        data=DataConfig(shards=str(shards), num_frames=4, size=32, resize=32, decoder="pyav"),
        model=ModelConfig(
            video=S3DConfig(width=0.0625, blocks=("3b",), embedding_dim=8),
            text=TextConfig(vocabulary=64, max_words=8, word_dim=8, hidden_dim=16),
        ),
        training=TrainingConfig(global_batch=4),
    )
    model_bytes = train_tokenizer(SENTENCES, 64)
    tokenizer = Tokenizer(model_bytes)
    model = build_model(job.model, tokenizer.vocabulary, with_translator=False)
    run_dir = root / "little"
    run_dir.mkdir(parents=True)
    (run_dir / "tokenizer.model").write_bytes(model_bytes)
    (run_dir / "metrics.jsonl").write_text('{"step": 7, "train/loss": 1.25}\n')
    state = {
        "step": 7,
        "model": model.state_dict(),
        "manifest_sha256": Manifest.load(str(shards)).sha256,
        "tokenizer_sha256": tokenizer.sha256,
    }
    save_checkpoint(run_dir / "checkpoints", state, job.model_dump(mode="json"), 1, lambda: None)


def write_truth(folder: Path) -> tuple[Path, Path]:
    """Each clip shows the step of its number; every second cue describes the step before."""
    steps, cues = [], []
    for video in range(len(SPLITS)):
        for step in range(NUM_CLIPS):
            label = (3 * video + step) % 8
            span = {
                "video_id": f"v{video}",
                "start_s": step * CLIP_S,
                "end_s": (step + 1) * CLIP_S,
            }
            factors = {"video": label & 1, "audio": label >> 1 & 1, "text": label >> 2}
            sentence = SENTENCES[(video + step) % 4]
            steps.append(
                span | {"sentence": sentence, "label": label, "factors": factors, "step": step}
            )
            cues.append(span | {"text": sentence, "step": step if step % 2 else step - 1})
    folder.mkdir()
    paths = folder / "steps.jsonl", folder / "cues.jsonl"
    for path, rows in zip(paths, (steps, cues), strict=True):
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return paths


def make_world(folder: Path, splits: tuple[Split, ...] = SPLITS) -> World:
    build_shards(folder / "shards", splits)
    write_run(folder / "runs", folder / "shards")
    return World(folder / "runs", folder / "shards", *write_truth(folder / "truth"))


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A run whose shards and weights are only read."""
    return make_world(tmp_path_factory.mktemp("little"))


@pytest.fixture
def without_test_split(tmp_path: Path) -> World:
    return make_world(tmp_path / "w", ("train",) * 6 + ("val",) * 2)


def build_listed(out: Path, starts_s: dict[str, list[float]]) -> Path:
    """Write shards of clips in which nothing is said; each video has a colour of its own."""
    out.mkdir(parents=True)
    with ShardWriter(str(out), "000000", max_bytes=2**24, max_samples=1000) as writer:
        for number, (video_id, starts) in enumerate(starts_s.items()):
            for start_s in starts:
                rng = np.random.default_rng([number, round(10 * start_s)])
                frames_THWC = rng.integers(0, 90, (8, 32, 48, 3), np.uint8)
                frames_THWC[..., number % 3] += np.uint8(40 * (1 + number % 4))
                meta = {
                    "video_id": video_id,
                    "t0_s": start_s,
                    "t1_s": round(start_s + CLIP_S, 3),
                    "n": 8,
                }
                clip = encode_clip(frames_THWC, fps=10, crf=30)
                writer.add(Sample(meta, clip, "", ()), "train")
        parts = writer.finish()
    planned = {video_id: len(starts) for video_id, starts in starts_s.items()}
    commit_bundle(str(out), BundleRecord("000000", "f", planned, parts))
    fold(str(out), ["000000"])
    return out


@pytest.fixture
def team(little: World) -> Team:
    """The little run, looking on this process."""
    return Team(Frozen.load(little.run_dir), little.job().evaluation)


@pytest.fixture
def make_listed() -> Callable[[Path, dict[str, list[float]]], Path]:
    """Return what writes shards of listed videos: folder, and the starts of each one's clips."""
    return build_listed
