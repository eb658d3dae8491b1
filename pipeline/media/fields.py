"""Interlaced frames -> whole pictures: ffmpeg's yadif, one picture out for each frame in.

A frame of two fields shows two moments as a comb of lines. yadif looks at the frames before and
after, so a picture comes out one frame late, at the time of its own frame.
"""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

import av

NoteT = TypeVar("NoteT")
_ARGUMENTS = "mode=send_frame:parity=auto:deint=interlaced"


class Deinterlacer(Generic[NoteT]):
    """Passes frames through as they are, until the first interlaced one; from then on by yadif.

    Each frame comes with a note of the caller, which leaves with its picture.
    """

    def __init__(self) -> None:
        self._graph: av.filter.Graph | None = None
        self._kind: tuple[int, int, str] | None = None
        self._waiting: deque[tuple[av.VideoFrame, NoteT]] = deque()

    def push(self, frame: av.VideoFrame, note: NoteT) -> Iterator[tuple[av.VideoFrame, NoteT]]:
        """Take the next frame in order of display; yield the pictures that are ready."""
        if self._graph is None and not frame.interlaced_frame:
            yield frame, note
            return
        kind = frame.width, frame.height, frame.format.name
        if kind != self._kind:
            # A filter takes one size and format of frames.
            yield from self.finish()
            self._graph, self._kind = _graph(frame), kind
        assert self._graph is not None
        self._waiting.append((frame, note))
        self._graph.vpush(frame)
        yield from self._ready()

    def finish(self) -> Iterator[tuple[av.VideoFrame, NoteT]]:
        """Yield what is left when the video has ended."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._ready()
        yield from self._waiting
        self._waiting.clear()
        self._graph = self._kind = None

    def _ready(self) -> Iterator[tuple[av.VideoFrame, NoteT]]:
        assert self._graph is not None
        while self._waiting:
            try:
                picture = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield picture, self._waiting.popleft()[1]


def _graph(frame: av.VideoFrame) -> av.filter.Graph:
    graph = av.filter.Graph()
    # The decoder child may start no threads.
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    graph.link_nodes(source, graph.add("yadif", _ARGUMENTS), graph.add("buffersink"))
    graph.configure()
    return graph
