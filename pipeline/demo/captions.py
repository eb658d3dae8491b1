"""The narrator's cues as WebVTT."""

from collections.abc import Iterable

from pipeline.demo.narrate import SpokenCue


def webvtt_text(cues: Iterable[SpokenCue]) -> str:
    """A whole WebVTT file."""
    blocks = [f"{_clock(cue.start_s)} --> {_clock(cue.end_s)}\n{cue.text}\n" for cue in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def _clock(at_s: float) -> str:
    minutes, milliseconds = divmod(round(at_s * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds / 1000:06.3f}"
