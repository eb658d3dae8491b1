"""A tiny run with a translator of all three modalities, and three shards of nine clips."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from configs.data import DataConfig
from configs.models import ModelConfig, S3DConfig, TextConfig, TranslatorConfig
from configs.objectives import CyclicConfig, ObjectivesConfig
from configs.runs import EmbedJob, RunConfig, TrainJob
from shards.clipcodec import encode_audio, encode_clip
from shards.commit import BundleRecord, commit_bundle
from shards.fold import fold
from shards.manifest import Manifest
from shards.schema import Sample, Split, Window
from shards.write import ShardWriter
from trainers.data.tokenizer import Tokenizer, train_tokenizer
from trainers.loop.checkpoint import save_checkpoint
from trainers.models.build import build_model

SPLITS: tuple[Split, ...] = ("train", "test", "test")
SENTENCES = ("chop the leek", "stir the pot", "fry the egg", "rinse the rice")
SILENT, SPEECHLESS = 1, 5
"""Numbers of the clip without sound, and of that without a window."""


@dataclass(frozen=True)
class Tiny:
    """Where the run and the shards lie."""

    root: Path
    shards: Path

    @property
    def run_dir(self) -> Path:
        """Return the folder of the run."""
        return self.root / "tiny"

    def job(self, out: Path | None = None, **embedding: object) -> EmbedJob:
        """Return a job that embeds the shards in this process, unless told otherwise."""
        settings = {"workers": 0, "batch": 2, "mel_bands": 20, "out": str(out or ""), **embedding}
        run = {"name": "tiny", "root": str(self.root)}
        return EmbedJob.model_validate({"run": run, "embedding": settings})


def make_sample(number: int, *, mute: bool = False) -> Sample:
    rng = np.random.default_rng(number)
    frames_THWC = rng.integers(0, 90, (8, 32, 40, 3), np.uint8)
    frames_THWC[..., number % 3] += np.uint8(40 * (1 + number // 3))
    start_s = 3.2 * number
    windows = tuple(
        Window(index, start_s, start_s + 2, SENTENCES[(number + index) % 4])
        for index in range(0 if number == SPEECHLESS else 1 + number % 3)
    )
    meta = {
        "video_id": f"v{number // 3}",
        "t0_s": round(start_s, 3),
        "t1_s": round(start_s + 3.2, 3),
        "n": 8,
    }
    sound = rng.normal(0, 500, 8000).astype(np.int16)
    return Sample(
        meta,
        encode_clip(frames_THWC, fps=10, crf=30),
        windows[0].text if windows else "",
        windows,
        None if mute or number == SILENT else encode_audio(sound, 16_000),
    )


def build_shards(out: Path, *, mute: bool = False) -> None:
    out.mkdir(parents=True)
    names = [f"{bundle:06d}" for bundle in range(3)]
    for bundle, name in enumerate(names):
        with ShardWriter(str(out), name, max_bytes=2**24, max_samples=100) as writer:
            for number in range(3 * bundle, 3 * bundle + 3):
                writer.add(make_sample(number, mute=mute), SPLITS[bundle])
            parts = writer.finish()
        commit_bundle(str(out), BundleRecord(name, "f", {f"v{bundle}": 3}, parts))
    fold(str(out), names)


def write_run(root: Path, shards: Path) -> None:
    modalities = ("video", "words", "audio")
    job = TrainJob(
        run=RunConfig(name="tiny", root=str(root)),
        data=DataConfig(shards=str(shards), num_frames=4, size=32, resize=32, decoder="pyav"),
        model=ModelConfig(
            video=S3DConfig(width=0.0625, blocks=("3b",), embedding_dim=8),
            text=TextConfig(vocabulary=64, max_words=8, word_dim=8, hidden_dim=16),
            translator=TranslatorConfig(hidden_dim=12),
        ),
        objectives=ObjectivesConfig(
            cyclic=CyclicConfig(weight=1.0, directions=("video->words", "audio->video"))
        ),
    )
    model_bytes = train_tokenizer(SENTENCES, 64)
    tokenizer = Tokenizer(model_bytes)
    torch.manual_seed(2)
    model = build_model(job.model, tokenizer.vocabulary, True, modalities, job.data.mel_bands)
    (root / "tiny").mkdir(parents=True)
    (root / "tiny" / "tokenizer.model").write_bytes(model_bytes)
    state = {
        "step": 7,
        "model": model.state_dict(),
        "manifest_sha256": Manifest.load(str(shards)).sha256,
        "tokenizer_sha256": tokenizer.sha256,
    }
    settings = job.model_dump(mode="json")
    save_checkpoint(root / "tiny" / "checkpoints", state, settings, 1, lambda: None)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A run and shards that are only read."""
    folder = tmp_path_factory.mktemp("tiny")
    build_shards(folder / "shards")
    write_run(folder / "runs", folder / "shards")
    return Tiny(folder / "runs", folder / "shards")


@pytest.fixture
def mute_shards(tmp_path: Path) -> Path:
    """The same shards, without any sound."""
    build_shards(tmp_path / "mute", mute=True)
    return tmp_path / "mute"


@pytest.fixture
def files_of() -> Callable[[Path], dict[str, bytes]]:
    """What reads all files of a folder by their names."""

    def read(folder: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

    return read
