"""Notices damage while a source is read, and says how far it reaches.

FFmpeg conceals most damage and goes on. What it reports as an error in its log is the one sign
that all demuxers and decoders share; none of the sound videos that we tried gives any.
"""

import logging

import av.logging

_NEVER = -(1 << 63)


class DamageWatch:
    """Counts what FFmpeg complains of, and follows damage to the key frame that ends it."""

    def __init__(self) -> None:
        # The log is counted, not printed: one bad file writes thousands of lines.
        logging.getLogger("libav").addHandler(logging.NullHandler())
        logging.getLogger("libav").propagate = False
        av.logging.set_level(av.logging.ERROR)
        self._num_errors = av.logging.get_last_error()[0]
        self._is_open = False
        self._worst_pts = _NEVER

    def has_complaint(self) -> bool:
        """Return whether FFmpeg has logged an error since the last call."""
        before, self._num_errors = self._num_errors, av.logging.get_last_error()[0]
        return self._num_errors > before

    def mark(self, pts: int | None) -> None:
        """Note that the packet of a PTS is lost or damaged, and what is built on it with it."""
        self._is_open = True
        if pts is not None:
            self._worst_pts = max(self._worst_pts, pts)

    def judge(self, frame: av.VideoFrame) -> bool:
        """Return whether a frame, the next in order of display, may show damage.

        Damage ends with the first sound key frame that is shown after the damaged packet. Frames
        come out of the decoder later than their packets, so a key frame before it ends nothing.
        """
        if frame.key_frame and (frame.pts is None or frame.pts > self._worst_pts):
            self._is_open = False
        if frame.is_corrupt:
            self.mark(frame.pts)
        return self._is_open
