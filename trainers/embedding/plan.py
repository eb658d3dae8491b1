"""What an embedding will be: checkpoint, shards, settings and code: all that decides its bytes.

A folder of features belongs to one plan; with another one it is refused, not mixed.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from configs.embedding import EmbeddingConfig
from configs.runs import EmbedJob, TrainJob
from shards import storage
from shards.features.folder import SCHEMA
from shards.manifest import Manifest
from shards.paths import AnyPath
from trainers.loop import folder
from trainers.loop.best import find_checkpoint
from trainers.loop.checkpoint import STATE, newest_checkpoint, verify_checkpoint
from trainers.loop.code import code_version, digest
from trainers.weights.begin import WEIGHTS

FOLDER = "embeddings"
"""Where a run's own embeddings lie, in its folder."""

_SOURCES = (
    *("embedding/part.py", "evaluation/audio.py", "evaluation/embed.py", "evaluation/encoders.py"),
    *("evaluation/joint.py", "evaluation/reading.py"),
)
"""Files that decide the features, beside those of `_SHARED`."""

_SHARED = ("shards/clipcodec", "trainers/data/", "trainers/models/")
"""Beginnings of those files that decide a training and the features, too."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An embedding that may begin."""

    run_dir: AnyPath
    checkpoint: AnyPath | None
    """Folder of the checkpoint; None: imported weights."""

    manifest: Manifest
    """What stands in the shards."""

    out: str
    is_own: bool
    """Whether `out` is the run's own folder, which holds one embedding, the newest."""

    config: EmbeddingConfig
    provenance: dict[str, Any]
    """What the folder says that it is: plain values."""


def make_plan(job: EmbedJob) -> Plan:
    """Look at run and shards; writes nothing.

    Raises:
        ValueError: If the run has no such checkpoint, or there are no shards.
        RuntimeError: If every checkpoint is damaged.
    """
    config, run_dir = job.embedding, folder.run_folder(job.run)
    trained, checkpoint, weights = _checkpoint(run_dir, job.checkpoint)
    shards = config.shards or _own_shards(trained, run_dir)
    manifest = Manifest.load(shards)
    provenance = {
        "schema": SCHEMA,
        "format": config.format,
        "wanted": list(config.features),
        "run": storage.absolute(str(run_dir)),
        "shards": storage.absolute(shards),
        "shards_sha256": manifest.sha256,
        "settings": {
            "batch": config.batch,
            "threads": config.threads,
            "mel_bands": config.mel_bands,
            "recall_split": config.recall_split,
        },
        "code": _code(),
        **weights,
    }
    out = embedding_folder(job)
    return Plan(run_dir, checkpoint, manifest, out, not config.out, config, provenance)


def embedding_folder(job: EmbedJob) -> str:
    """Return where the features go."""
    return job.embedding.out or str(folder.run_folder(job.run) / FOLDER)


def _checkpoint(run_dir: AnyPath, which: str) -> tuple[TrainJob, AnyPath | None, dict[str, Any]]:
    root = run_dir / folder.CHECKPOINTS
    found = verify_checkpoint(find_checkpoint(root, which)) if which else newest_checkpoint(root)
    if found is not None:
        manifest = found.manifest
        about = {
            "step": found.step,
            "checkpoint_sha256": manifest["files"][STATE]["sha256"],
            "tokenizer_sha256": manifest["tokenizer_sha256"],
        }
        return TrainJob.model_validate(found.job()), found.path, about
    if not (run_dir / WEIGHTS).exists():
        raise ValueError(
            f"{run_dir} must hold a checkpoint, got none; `weakvid train --run.name "
            f"{run_dir.name}` writes one"
        )
    about = {
        "step": 0,
        "checkpoint_sha256": storage.sha256_of(str(run_dir / WEIGHTS)),
        "tokenizer_sha256": storage.sha256_of(str(run_dir / folder.TOKENIZER)),
    }
    settings = yaml.safe_load((run_dir / folder.CONFIG).read_text())
    return TrainJob.model_validate(settings), None, about


def _own_shards(trained: TrainJob, run_dir: AnyPath) -> str:
    if trained.data.mix or not trained.data.shards:
        folders = ", ".join(filter(None, trained.data.folders())) or "none"
        raise ValueError(
            f"embedding.shards must name a folder, since {run_dir.name} was trained on {folders}"
        )
    return trained.data.shards


def _code() -> dict[str, str]:
    """Return versions of packages, and one hash of the files that decide the features."""
    from importlib.metadata import version

    known = code_version()
    packages = {name: text for name, text in known.items() if not name.endswith(".py")}
    trainers = Path(__file__).parents[1]
    files = {name: digest((trainers / name).read_bytes()) for name in _SOURCES}
    files |= {name: text for name, text in known.items() if name.startswith(_SHARED)}
    joined = json.dumps(files, sort_keys=True).encode()
    own = {"weakvid": version("weakvid"), "sources": hashlib.sha256(joined).hexdigest()[:12]}
    return {**packages, "pyarrow": version("pyarrow"), **own}
