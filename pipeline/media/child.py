"""The decoder child, `python -m pipeline.media.child`: the only process that opens raw uploads.

It reads a request from standard input, answers with a probe, reads which clips to cut, and
answers with each clip as it is encoded. It limits itself before it opens anything; its parent
sets the deadline and kills it.
"""

import os
import sys
from collections.abc import Callable

import av

from pipeline.media.errors import MediaError, words_of
from pipeline.media.framing import pack, read_message, write_all
from pipeline.media.isolation import (
    confine,
    follow_parent_to_death,
    limit_resources,
    peak_memory_bytes,
)
from pipeline.media.passing import DecodePass
from pipeline.media.probe import open_source
from pipeline.media.request import Request
from pipeline.media.subtitles import with_subtitles

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def main() -> None:
    """Serve one source and leave."""
    run_child(_serve)


def run_child(serve: Callable[[Request, Callable[..., None]], None]) -> None:
    """Read a request, give up what it does not need, and let `serve` answer it with messages."""
    out = os.dup(_STDOUT)
    # Whatever a native library prints must not stand between two messages.
    os.dup2(_STDERR, _STDOUT)

    def send(head: dict[str, object], block: bytes = b"") -> None:
        write_all(out, pack(head, block))

    request = Request(**read_message(_STDIN)[0])
    follow_parent_to_death()
    limit_resources(request.memory_bytes, request.cpu_s)
    confine(request.path)
    try:
        serve(request, send)
    except MediaError as error:
        send({"kind": "error", "code": error.code, "detail": error.detail})
    except MemoryError:
        send({"kind": "error", "code": "E_OOM", "detail": "the decoder ran out of memory"})
    except av.error.FFmpegError as error:
        send({"kind": "error", "code": "E_CODEC", "detail": words_of(error, 200)})
    except (BrokenPipeError, EOFError):
        sys.exit(1)


def _serve(request: Request, send: Callable[..., None]) -> None:
    source = open_source(request)
    if request.wants_subtitles:
        source = with_subtitles(source, request)
    send({"kind": "probe", "probe": source.probe.to_json()})
    starts = read_message(_STDIN)[0]["starts"]
    decoding = DecodePass(source, request, starts)
    for head, block in decoding.run():
        send(head, block)
    decoding.summary.peak_memory_bytes = peak_memory_bytes()
    send({"kind": "end", "summary": decoding.summary.to_json()})


if __name__ == "__main__":
    main()
