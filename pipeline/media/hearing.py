"""The sound of one source, decoded in a child process into a file of 16 kHz mono samples."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from configs.clips import ClipsConfig
from configs.sources import LimitsConfig
from pipeline.media.decode import deadline_s, make_request, read_probe
from pipeline.media.errors import MediaError
from pipeline.media.process import DecoderChild
from pipeline.media.request import Probe

HZ = 16_000
_SAMPLE_BYTES = 2


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard: samples since the zero of the video, and packets that were damaged."""

    probe: Probe
    num_samples: int
    num_damaged: int


def hear_source(path: Path, limits: LimitsConfig, sound: IO[bytes]) -> Heard:
    """Run one child over one source.

    Args:
        path: The video.
        limits: What it may cost.
        sound: Receives the samples, 16-bit native. Nothing if the video has no sound, or has a
            text track of its own (`probe.subtitles`).

    Raises:
        MediaError: If the source cannot be heard.
    """
    request = make_request(path, ClipsConfig(audio_hz=HZ), limits)
    command = [sys.executable, "-P", "-m", "pipeline.media.listen"]
    with DecoderChild(limits.deadline_s, command) as child:
        child.send(replace(request, wants_subtitles=True).to_json())
        probe = read_probe(child.receive()[0])
        length_s = probe.duration_s or limits.duration_s
        child.deadline_s = deadline_s(request, limits, [int(length_s * request.fps)])
        num_samples = 0
        while True:
            message, block = child.receive()
            match message.get("kind"):
                case "sound":
                    num_samples += len(block) // _SAMPLE_BYTES
                    if num_samples > (limits.duration_s + 60) * HZ or len(block) % _SAMPLE_BYTES:
                        raise MediaError("E_CRASH", "the decoder sent more sound than there is")
                    sound.write(block)
                case "end":
                    return Heard(probe, num_samples, int(message["damaged"]))
                case kind:
                    raise MediaError("E_CRASH", f"the decoder sent {kind!r} out of turn")
