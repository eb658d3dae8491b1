"""The Whisper model: found or downloaded, hashed, loaded. The only module that needs the extra."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from configs.asr import AsrConfig

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_WEIGHTS = "model.bin"
_FILES = ("config.json", "preprocessor_config.json", "tokenizer.json", "vocabulary.json",
          "vocabulary.txt", _WEIGHTS)  # fmt: skip
_CHUNK_BYTES = 1 << 22


def require_extra() -> None:
    """Check that faster-whisper is there.

    Raises:
        ValueError: If it is not; the message says how to get it.
    """
    try:
        import faster_whisper  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"transcribing needs the extra `asr`, which is not installed ({error}): "
            "pip install 'weakvid[asr]'"
        ) from error


def find_model(name: str) -> Path:
    """Return the folder of a model, downloaded if it is not on this machine yet.

    Args:
        name: A folder, or a name that faster-whisper knows.

    Raises:
        ValueError: If there is no such model, or it cannot be had.
    """
    require_extra()
    folder = Path(name)
    if folder.is_dir():
        if not (folder / _WEIGHTS).is_file():
            raise ValueError(
                f"asr.model must be a Whisper model in CTranslate2 form, got {name}, which has no "
                f"{_WEIGHTS}; ct2-transformers-converter makes one"
            )
        return folder
    from faster_whisper.utils import download_model

    try:
        return Path(download_model(name))
    except Exception as error:  # the hub's own errors are of many kinds
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"asr.model must be a folder, or a name that can be downloaded, got {name!r}: {first}"
        ) from error


def hash_model(folder: Path) -> str:
    """Return the hash of all files that decide what a model writes."""
    digest = hashlib.sha256()
    for name in _FILES:
        path = folder / name
        if not path.is_file():
            continue
        digest.update(f"{name} {path.stat().st_size}\n".encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()[:16]


def load_model(folder: Path, config: AsrConfig) -> "WhisperModel":
    """Load a model.

    Raises:
        ValueError: If the folder holds none that can be loaded, or the device is not there.
    """
    from faster_whisper import WhisperModel

    quick = "int8" if config.device == "cpu" else "float16"
    compute_type = quick if config.compute_type == "default" else config.compute_type
    try:
        return WhisperModel(
            str(folder),
            device=config.device,
            compute_type=compute_type,
            cpu_threads=config.threads,
            local_files_only=True,
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise ValueError(
            f"asr.model {folder} must load on {config.device} as {compute_type}, got: {error}"
        ) from error
