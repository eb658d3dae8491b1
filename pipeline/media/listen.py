"""The decoder child that only listens, `python -m pipeline.media.listen`.

It answers with a probe, with the sound as 16-bit mono samples since the zero of the video, and
with how much of it was damaged. A video with a text track of its own is not listened to.
"""

from collections.abc import Callable, Iterator

import av

from pipeline.media.child import run_child
from pipeline.media.errors import MediaError
from pipeline.media.probe import Source, open_source
from pipeline.media.request import Request
from pipeline.media.sound import SoundTrack
from pipeline.media.subtitles import with_subtitles

BLOCK_S = 30


def main() -> None:
    """Serve one source and leave."""
    run_child(_serve)


def _serve(request: Request, send: Callable[..., None]) -> None:
    source = with_subtitles(open_source(request), request)
    send({"kind": "probe", "probe": source.probe.to_json()})
    num_damaged = 0
    if source.audio is not None and not source.probe.subtitles:
        num_damaged = _listen(source, request, send)
    send({"kind": "end", "damaged": num_damaged})


def _listen(source: Source, request: Request, send: Callable[..., None]) -> int:
    hz, sent, num_damaged = request.audio_hz, 0, 0
    track = SoundTrack(hz, source.zero_s)
    for frame in _frames(source):
        try:
            if frame is None:
                raise av.error.InvalidDataError(0, "damaged")
            track.push(frame)
        except (av.error.FFmpegError, ValueError):
            # What cannot be decoded or resampled is silence, as it is in the clips.
            num_damaged += 1
        if track.position > request.max_duration_s * hz:
            raise MediaError("E_HUGE", f"sound after {request.max_duration_s:.0f} s")
        sent = _send_up_to(track, (sent, track.position - track.position % (BLOCK_S * hz)), send)
    track.finish()
    _send_up_to(track, (sent, track.position), send)
    return num_damaged


def _frames(source: Source) -> Iterator[av.AudioFrame | None]:
    """Yield the decoded frames, None for a packet that is damaged; a torn file just ends."""
    try:
        for packet in source.container.demux(source.audio):
            try:
                yield from (f for f in packet.decode() if isinstance(f, av.AudioFrame))
            except av.error.FFmpegError:
                yield None
    except av.error.FFmpegError:
        yield None


def _send_up_to(track: SoundTrack, span: tuple[int, int], send: Callable[..., None]) -> int:
    sent, stop = span
    while sent < stop:
        upto = min(sent + BLOCK_S * track.hz, stop)
        send({"kind": "sound"}, track.take(sent, upto).tobytes())
        track.forget(upto)
        sent = upto
    return sent


if __name__ == "__main__":
    main()
