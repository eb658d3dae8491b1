"""How videos without captions are transcribed."""

from typing import Literal

from pydantic import Field

from configs.settings import Place, PlaceOrName, Settings


class AsrConfig(Settings):
    """Speech recognition by a Whisper model. Needs the extra `asr` (faster-whisper)."""

    enabled: bool = False
    """`weakvid shards` transcribes the videos without captions first; `--asr` for short."""

    model: PlaceOrName = "small"
    """Folder of a Whisper model in CTranslate2 form, or a name that faster-whisper downloads
    (tiny, base, small, medium, large-v3, ...; those with .en know English only)."""

    language: str = Field(default="", pattern=r"^([a-z]{2,3})?$")
    """Language that is spoken; empty: the listed one of the video, else what the model hears."""

    beam: int = Field(default=5, ge=1, le=5)
    """Hypotheses that are followed at a time. Temperature is always 0: nothing is drawn."""

    device: Literal["cpu", "cuda"] = "cpu"
    """Where the model runs."""

    compute_type: Literal[
        "default", "int8", "int8_float16", "int8_float32", "float16", "float32"
    ] = "default"
    """Numbers that the model computes in; `default`: int8 on a CPU, float16 on a GPU."""

    threads: int = Field(default=1, ge=1)
    """CPU threads of a model, and CPUs that it asks Ray for. Whether a transcript is the same to
    the last bit with another number is not promised."""

    gpus: float = Field(default=1.0, gt=0)
    """Share of a GPU that a model asks Ray for, with `device` cuda."""

    actors: int = Field(default=0, ge=0)
    """Models that are loaded at a time; 0: as many as the CPUs, or GPUs, allow."""

    piece_s: float = Field(default=1200.0, ge=60)
    """Longest stretch of sound in memory. A longer one is cut where it is quietest."""

    vad_threshold: float = Field(default=0.5, gt=0, lt=1)
    """Likelihood of a voice above which sound is listened to at all."""

    no_speech: float = Field(default=0.6, gt=0, le=1)
    """Likelihood of no speech above which an unsure segment is left out."""

    max_repetition: float = Field(default=2.4, gt=1)
    """A segment whose text can be compressed by more than this is a loop, and left out."""

    scratch: Place = ""
    """Folder of this machine for sound and fetched videos; empty: the system's folder for
    temporary files. With `weakvid shards --asr` that of `shards` serves."""

    scratch_bytes: int = Field(default=32 * 2**30, gt=0)
    """Bytes that fetched videos may take in `scratch`; at least `sources.limits.file_bytes`."""

    attempts: int = Field(default=2, ge=1)
    """Times that a video is tried when it takes its worker along."""

    retry_rejects: bool = False
    """Try the rejected videos again."""
