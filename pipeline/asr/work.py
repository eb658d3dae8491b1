"""One video -> its transcript, or the reason why it has none. What an actor does, without Ray."""

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from configs.asr import AsrConfig
from configs.sources import LimitsConfig
from pipeline.asr.model import find_model, hash_model, load_model
from pipeline.asr.transcribe import Spoken, transcribe
from pipeline.asr.transcript import NoTranscript, origin_of, save_none, save_transcript
from pipeline.listing.source import SourceFile
from pipeline.listing.versions import is_as_listed
from pipeline.media.errors import LOAD_DEPENDENT, MediaError
from pipeline.media.fetch import local_copy
from pipeline.media.hearing import HZ, hear_source
from shards import storage

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

logger = logging.getLogger(__name__)

NUM_TRIES = 2


@dataclass(frozen=True, slots=True)
class Setup:
    """What all videos of a run have in common.

    Attributes:
        folder: Where transcripts go.
        config: The model, and how it listens.
        limits: What a video may cost.
        model: Hash of the model that the driver found.
    """

    folder: str
    config: AsrConfig
    limits: LimitsConfig
    model: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one video: a code where it is rejected, else how much was said."""

    code: str = ""
    sound_s: float = 0.0
    num_segments: int = 0


class Transcriber:
    """A loaded model, and what it takes to give it one video after the other.

    Raises:
        ValueError: If this machine has another model than the driver, or cannot load it.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        storage.use_scratch(setup.config.scratch)
        folder = find_model(setup.config.model)
        if hash_model(folder) != setup.model:
            raise ValueError(f"asr.model must be the same on every machine, {folder} is another")
        self._model: WhisperModel = load_model(folder, setup.config)

    def run(self, source: SourceFile) -> Outcome:
        """Write the transcript of a video, or why it has none; a fault of the video is no error.

        Raises:
            OSError: If the transcript cannot be written.
        """
        origin = origin_of(source, self._setup.model, self._setup.config)
        folder = self._setup.folder
        try:
            if origin.language and origin.language not in self._model.supported_languages:
                known = f"{len(self._model.supported_languages)} languages"
                detail = f"{origin.language} is none of the {known} of the model"
                raise MediaError("W_CAPLANG", detail)
            spoken, sound_s = self._hear(source, origin.language)
        except MediaError as error:
            save_none(folder, origin, NoTranscript(error.code, error.detail))
            return Outcome(error.code)
        if spoken is None:
            save_none(folder, origin, NoTranscript("", "it has a text track of its own"))
            return Outcome()
        save_transcript(folder, origin, spoken)
        return Outcome("", sound_s, len(spoken.segments))

    def _hear(self, source: SourceFile, language: str) -> tuple[Spoken | None, float]:
        for tries_left in reversed(range(NUM_TRIES)):
            try:
                return self._hear_once(source, language)
            except MediaError as error:
                if error.code not in LOAD_DEPENDENT or not tries_left:
                    raise
                logger.warning("%s: %s; trying once more", source.name, error)
        raise AssertionError("the last try returns")

    def _hear_once(self, source: SourceFile, language: str) -> tuple[Spoken | None, float]:
        config, limits = self._setup.config, self._setup.limits
        scratch = config.scratch or None
        with (
            local_copy(source, limits, config.scratch_bytes) as path,
            tempfile.TemporaryFile(dir=scratch) as sound,
        ):
            _check_unchanged(source, path)
            heard = hear_source(path, limits, sound)
            if heard.probe.subtitles:
                return None, 0.0
            sound_N = _samples(sound, heard.num_samples)
            return transcribe(self._model, sound_N, language, config), heard.num_samples / HZ


def _samples(sound: IO[bytes], num_samples: int) -> np.ndarray:
    if not num_samples:
        return np.zeros(0, np.int16)
    sound.flush()
    return np.memmap(sound, np.int16, mode="r", shape=(num_samples,))  # type: ignore[arg-type]


def _check_unchanged(source: SourceFile, path: Path) -> None:
    """A file on this machine is read where it lies; of a fetched one `local_copy` made sure."""
    if storage.is_remote(source.video):
        return
    try:
        version = storage.version_of(str(path))
    except OSError as error:
        raise MediaError("E_FETCH", f"cannot be read: {error.strerror}") from error
    if not is_as_listed((source.bytes, source.stamp), version):
        raise MediaError("E_CHANGED", "changed since it was listed; run again")
