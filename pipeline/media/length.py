"""How long a video is whose container does not say: its packets are read, and none is decoded."""

from collections.abc import Iterator
from fractions import Fraction

import av

from pipeline.media.allowed import open_options
from pipeline.media.timeline import Timeline


def measure_end_s(path: str, index: int) -> Fraction | None:
    """Return when the last frame of a stream ends, on the clock of its joined packets.

    Args:
        path: Absolute path of the upload.
        index: Index of the video stream.

    Returns:
        None where no packet has a time.
    """
    end_s = None
    with av.open(f"file:{path}", options=open_options()) as container:
        timeline = Timeline(container)
        for packet in packets_of(container, container.streams[index]):
            timeline.mend(packet)
            at = packet.pts if packet.pts is not None else packet.dts
            if at is not None and packet.time_base:
                stop_s = (at + (packet.duration or 0)) * Fraction(packet.time_base)
                end_s = stop_s if end_s is None else max(end_s, stop_s)
    return end_s


def packets_of(
    container: av.container.InputContainer, stream: av.stream.Stream
) -> Iterator[av.Packet]:
    """Yield the packets of a stream up to its end, or up to where the container is damaged."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            return
        if packet is None:
            return
        yield packet
