"""WebVTT: what we write, a WebVTT reader reads."""

from pathlib import Path

import webvtt

from pipeline.demo.captions import webvtt_text
from pipeline.demo.narrate import SpokenCue


def test_captions_are_read_back_to_the_millisecond(tmp_path: Path) -> None:
    cues = [SpokenCue(0.001, 1.999, "first words", 0), SpokenCue(3599.5, 3661.25, "last", None)]
    path = tmp_path / "a.vtt"
    path.write_text(webvtt_text(cues))
    read = webvtt.read(str(path))
    assert [(cue.start, cue.end, cue.text) for cue in read] == [
        ("00:00:00.001", "00:00:01.999", "first words"),
        ("00:59:59.500", "01:01:01.250", "last"),
    ]
