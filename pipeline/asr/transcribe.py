"""Sound -> what is said in it, with the time of every word. Nothing is drawn at random."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from configs.asr import AsrConfig
from pipeline.asr.pieces import cut_pieces
from pipeline.media.hearing import HZ

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

_FULL_SCALE = 32_768.0


@dataclass(slots=True)
class Spoken:
    """Segments in Whisper's JSON form, and how many were left out for being loops or noise."""

    language: str
    segments: list[dict[str, Any]] = field(default_factory=list)
    num_left_out: int = 0


def transcribe(
    model: "WhisperModel", sound_N: np.ndarray, language: str, config: AsrConfig
) -> Spoken:
    """Return what is said.

    Args:
        model: A loaded model.
        sound_N: int16 samples at 16 kHz; may be a memory map.
        language: Language that is spoken; empty: the one of the first piece with a voice.
        config: Beam, thresholds, longest piece.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    spoken = Spoken(language)
    voice = VadOptions(threshold=config.vad_threshold)
    for piece in cut_pieces(len(sound_N), HZ, config.piece_s, sound_N):
        piece_N = np.asarray(sound_N[piece], np.float32) / _FULL_SCALE
        # Without a voice a model makes words up.
        if not get_speech_timestamps(piece_N, voice):
            continue
        segments, info = model.transcribe(
            piece_N,
            language=spoken.language or None,
            beam_size=config.beam,
            temperature=0.0,
            word_timestamps=True,
            vad_filter=True,
            vad_parameters=voice,
            no_speech_threshold=config.no_speech,
            # A loop, once begun, would feed itself.
            condition_on_previous_text=False,
        )
        spoken.language = spoken.language or info.language
        _take(spoken, segments, piece.start / HZ, config)
    return spoken


def _take(
    spoken: Spoken, segments: "Iterable[Segment]", offset_s: float, config: AsrConfig
) -> None:
    for segment in segments:
        words = [
            {
                "word": word.word,
                "start": _seconds(word.start, offset_s),
                "end": _seconds(word.end, offset_s),
                "probability": round(float(word.probability), 3),
            }
            for word in segment.words or ()
        ]
        if not words or segment.compression_ratio > config.max_repetition:
            spoken.num_left_out += 1
            continue
        spoken.segments.append(
            {
                "id": len(spoken.segments),
                "start": words[0]["start"],
                "end": words[-1]["end"],
                "text": segment.text.strip(),
                "words": words,
                "avg_logprob": round(float(segment.avg_logprob), 3),
                "no_speech_prob": round(float(segment.no_speech_prob), 3),
            }
        )


def _seconds(seconds: float, offset_s: float) -> float:
    return round(float(seconds) + offset_s, 3)
