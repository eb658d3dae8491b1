"""The one sequential pass over video and sound together, inside the decoder child."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import av

from pipeline.media.clips import ClipAssembler, Picture, wanted_slots
from pipeline.media.damage import DamageWatch
from pipeline.media.errors import MediaError
from pipeline.media.fields import Deinterlacer
from pipeline.media.framing import Message
from pipeline.media.grid import Clock, GridSampler
from pipeline.media.order import InOrder
from pipeline.media.picture import Scaler
from pipeline.media.probe import Source
from pipeline.media.request import DecodeSummary, Request
from pipeline.media.sound import SoundTrack
from pipeline.media.timeline import Timeline

TRUNCATED_SHARE = 0.98
"""A video that ends before this share of its announced duration is called truncated."""

VARIED_SHARE = 1.2
"""A rate varies where the longest step from frame to frame is this many times the shortest."""


class DecodePass:
    """Decodes a source once and yields the messages of its clips.

    Args:
        source: The open source.
        request: Grid, sizes and limits.
        starts: First slots of the clips, ascending.
    """

    def __init__(self, source: Source, request: Request, starts: Sequence[int]) -> None:
        self._source = source
        self._request = request
        time_base = Fraction(source.video.time_base or Fraction(1, 1_000_000))
        self._clock = Clock.of(time_base, source.zero_s, request.fps)
        slots = wanted_slots(starts, request.num_frames, request.margin)
        self._sampler: GridSampler[_Decoded] = GridSampler(self._clock, slots)
        self._sound = SoundTrack(request.audio_hz, source.zero_s) if source.audio else None
        slow_code = "W_FPSLOW" if "W_FPSLOW" in source.probe.flags else "E_DUPFRAMES"
        self._clips = ClipAssembler(request, starts, self._sound, slow_code)
        self._scaler = Scaler(
            request.short_side, request.max_side_px, wants_rgb=request.encoding != "mp4"
        )
        self._damage = DamageWatch()
        self._timeline = Timeline(source.container)
        self._key_pts: int | None = None
        self._last_pts: int | None = None
        self._order: InOrder[_Decoded] = InOrder()
        self._fields: Deinterlacer[tuple[int, _Decoded]] = Deinterlacer()
        self._last_ticks: int | None = None
        self._earliest_ticks: int | None = None
        self._last_duration = 0
        self._steps: tuple[int, int] | None = None
        self._flags = set(source.probe.flags)
        self.summary = DecodeSummary()

    def run(self) -> Iterator[tuple[Message, bytes]]:
        """Yield each clip as soon as it is whole, rejects for the others; then `summary` holds.

        Raises:
            MediaError: If no frame can be decoded, or the pictures are too large.
        """
        streams = [stream for stream in (self._source.video, self._source.audio) if stream]
        for stream in streams:
            stream.codec_context.thread_count = 1
        packets = self._source.container.demux(streams)
        while not self._clips.is_done:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                _raise_if_memory(error)
                self._flags.add("W_CORRUPT")
                packet = None
            if self._damage.has_complaint():
                # What the demuxer skipped may have been pictures.
                self._on_error(is_video=True)
            if packet is None:
                break
            self._timeline.mend(packet)
            yield from self._decode(packet)
        if not self._clips.is_done:
            yield from self._end()
        self._summarise()

    def _decode(self, packet: av.Packet) -> Iterator[tuple[Message, bytes]]:
        is_video = packet.stream.type == "video"
        if is_video and self._sampler.is_done:
            return
        if is_video:
            self._look_at(packet)
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            _raise_if_memory(error)
            self._on_error(is_video)
            return
        if self._damage.has_complaint():
            self._on_error(is_video)
        for frame in frames:
            if isinstance(frame, av.VideoFrame):
                yield from self._on_picture(frame)
            elif isinstance(frame, av.AudioFrame):
                yield from self._on_sound(frame)

    def _look_at(self, packet: av.Packet) -> None:
        """Note what the order of the packets tells of the source."""
        self._last_pts = packet.pts
        if packet.is_corrupt:
            # Transport streams tell where packets are missing.
            self._on_error(is_video=True)
        if packet.is_discard:
            self._flags.add("W_EDITLIST")
        if packet.is_keyframe:
            self._key_pts = packet.pts
        elif packet.pts is not None and self._key_pts is not None and packet.pts < self._key_pts:
            # Shown before the key frame that it was sent after: it needs the group before.
            self._flags.add("W_OPENGOP")

    def _on_error(self, is_video: bool) -> None:
        self._flags.add("W_CORRUPT")
        if is_video:
            self._damage.mark(self._last_pts)

    def _on_picture(self, frame: av.VideoFrame) -> Iterator[tuple[Message, bytes]]:
        summary = self.summary
        # The headers of the container may have told another size, and a later frame may too.
        if frame.width * frame.height > self._request.max_pixels:
            raise MediaError("E_HUGE", f"a frame of {frame.width}x{frame.height}")
        if summary.num_frames >= self._request.max_frames:
            raise MediaError("E_HUGE", f"over {summary.num_frames} frames (sources.limits.frames)")
        if self._scaler.size is None:
            self._fix(frame)
        is_damaged = self._damage.judge(frame)
        decoded = _Decoded(frame, summary.num_frames, is_damaged)
        summary.num_frames += 1
        summary.num_damaged += is_damaged
        self._last_ticks = self._ticks(frame)
        self._last_duration = frame.duration or self._last_duration
        if frame.interlaced_frame:
            self._flags.add("W_INTERLACED")
        for ticks, earliest in self._order.push(self._last_ticks, decoded):
            yield from self._on_earliest(ticks, earliest)

    def _on_earliest(self, ticks: int, decoded: "_Decoded") -> Iterator[tuple[Message, bytes]]:
        if self._earliest_ticks is not None:
            step = ticks - self._earliest_ticks
            shortest, longest = self._steps or (step, step)
            self._steps = min(shortest, step), max(longest, step)
        self._earliest_ticks = ticks
        for whole, (at_ticks, note) in self._fields.push(decoded.frame, (ticks, decoded)):
            yield from self._on_whole(whole, at_ticks, note)

    def _on_whole(
        self, frame: av.VideoFrame, ticks: int, decoded: "_Decoded"
    ) -> Iterator[tuple[Message, bytes]]:
        decoded.frame = frame
        for slot, at_ticks, chosen in self._sampler.push(ticks, decoded):
            yield from self._clips.add(slot, self._picture(chosen, at_ticks))

    def _on_sound(self, frame: av.AudioFrame) -> Iterator[tuple[Message, bytes]]:
        if self._sound is None:
            return
        try:
            self._sound.push(frame)
        except av.error.FFmpegError as error:
            # Sound that cannot be resampled is silence, as sound that cannot be decoded is.
            _raise_if_memory(error)
            self._on_error(is_video=False)
        yield from self._clips.heard()

    def _fix(self, frame: av.VideoFrame) -> None:
        self._scaler.fix(frame, self._source.sar)
        self._clips.matrix = self._scaler.matrix
        if self._scaler.rotation:
            self._flags.add("W_ROT")

    def _ticks(self, frame: av.VideoFrame) -> int:
        if frame.pts is not None:
            return self._clock.ticks(frame.pts)
        # AVI carries no PTS. Frames come in order of display, and the decoder stamps them with the
        # time of the packet that brought them out; those that it still holds at the end, with none.
        last = self._last_ticks
        self._flags.add("W_NOPTS")
        if frame.dts is not None:
            return self._clock.ticks(frame.dts)
        return 0 if last is None else last + self._frame_ticks()

    def _frame_ticks(self) -> int:
        """Length of one frame: what it says itself, else one frame at the average rate."""
        if self._last_duration > 0:
            return self._last_duration * self._clock.ticks_per_pts
        rate = self._source.video.average_rate or self._request.fps
        return int(self._clock.ticks_per_s / rate)

    def _picture(self, decoded: "_Decoded", ticks: int) -> Picture:
        if decoded.picture is None:
            decoded.picture = Picture.of(
                self._scaler.upright(decoded.frame),
                self._clock.seconds(ticks),
                decoded.index,
                is_damaged=decoded.is_damaged,
            )
        return decoded.picture

    def _end(self) -> Iterator[tuple[Message, bytes]]:
        for ticks, earliest in self._order.finish():
            yield from self._on_earliest(ticks, earliest)
        for whole, (at_ticks, note) in self._fields.finish():
            yield from self._on_whole(whole, at_ticks, note)
        if self._sampler.last_ticks is None:
            raise MediaError("E_CODEC", "not one frame could be decoded")
        end_ticks = self._sampler.last_ticks + self._frame_ticks()
        for slot, at_ticks, chosen in self._sampler.finish(end_ticks):
            yield from self._clips.add(slot, self._picture(chosen, at_ticks))
        if self._sound is not None:
            self._sound.finish()
        end_s = self._clock.seconds(end_ticks)
        announced_s = self._source.probe.duration_s
        is_cut = announced_s is not None and end_s < TRUNCATED_SHARE * announced_s
        if is_cut:
            self._flags.add("W_TRUNC")
        code = "W_TRUNC" if is_cut else "W_CAPPASTEOF"
        yield from self._clips.close(code, f"the decoded video ends at {end_s:.3f} s")

    def _summarise(self) -> None:
        summary = self.summary
        if self._sampler.last_ticks is not None:
            summary.end_s = round(self._clock.seconds(self._sampler.last_ticks), 3)
        if self._scaler.size is not None:
            summary.width, summary.height = self._scaler.size
        summary.rotation = self._scaler.rotation
        if summary.num_damaged:
            self._flags.add("W_CORRUPT")
        if self._sampler.num_backward:
            self._flags.add("W_BACKWARD")
        if self._timeline.num_jumps:
            self._flags.add("W_DISCONT")
        # Containers round PTS, at worst to a millisecond, which varies no rate.
        rounding = self._clock.ticks_per_s // 1000
        if self._steps and self._steps[1] > VARIED_SHARE * self._steps[0] + rounding:
            self._flags.add("W_VFR")
        summary.flags = sorted(self._flags)


class _Decoded:
    """A source frame that becomes a picture when a slot first wants it, and only once."""

    __slots__ = ("frame", "index", "is_damaged", "picture")

    def __init__(self, frame: av.VideoFrame, index: int, is_damaged: bool) -> None:
        self.frame = frame
        self.index = index
        self.is_damaged = is_damaged
        self.picture: Picture | None = None


def _raise_if_memory(error: Exception) -> None:
    if isinstance(error, MemoryError):
        raise error
