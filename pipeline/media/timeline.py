"""Joins the pieces of a broadcast whose clock jumps, as ffmpeg does.

A transport stream that was cut and joined starts its clock anew in each piece. Taken as they
are, all frames after the jump would go back in time and be lost.
"""

from fractions import Fraction

import av

MAX_GAP_S = 10
"""A longer step forward is a jump of the clock, not a gap in the recording."""

MAX_BACK_S = Fraction(1, 10)
"""Decoding times never go back; by less than this they are jitter."""

SAME_JUMP_S = 1
"""Picture and sound whose clocks jump by about the same length jump together."""


class Timeline:
    """Moves the times of packets so that each stream goes on where it was.

    Only containers that FFmpeg marks as discontinuous (MPEG-TS and -PS) are touched.
    """

    def __init__(self, container: av.container.InputContainer) -> None:
        self._may_jump = bool(container.format.flags & av.format.Flags.ts_discont.value)
        self._offsets: dict[int, Fraction] = {}
        self._seen_s: dict[int, tuple[Fraction, Fraction]] = {}
        self._newest = Fraction(0)
        self.num_jumps = 0

    def mend(self, packet: av.Packet) -> None:
        """Move PTS and DTS of a packet, the next of its stream."""
        if not self._may_jump or packet.dts is None or not packet.time_base:
            return
        base = Fraction(packet.time_base)
        stream = packet.stream_index
        dts_s = packet.dts * base + self._offsets.get(stream, Fraction(0))
        last_s, expected_s = self._seen_s.get(stream, (dts_s, dts_s))
        if dts_s - expected_s > MAX_GAP_S or dts_s < last_s - MAX_BACK_S:
            dts_s += self._jump(stream, expected_s - dts_s)
        offset = round(self._offsets.get(stream, Fraction(0)) / base)
        if offset:
            packet.dts += offset
            if packet.pts is not None:
                packet.pts += offset
        self._seen_s[stream] = dts_s, dts_s + (packet.duration or 0) * base

    def _jump(self, stream: int, by_s: Fraction) -> Fraction:
        """Change the offset of a stream; return by how much."""
        before = self._offsets.get(stream, Fraction(0))
        wanted = before + by_s
        if before == self._newest or abs(wanted - self._newest) > SAME_JUMP_S:
            self._newest = wanted
            self.num_jumps += 1
        self._offsets[stream] = self._newest
        return self._newest - before
