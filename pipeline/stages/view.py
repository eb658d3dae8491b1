"""`weakvid view`: a local page over a folder of shards."""

import sys

from pipeline.console import say
from pipeline.viewer.server import ADDRESS, make_server

EXIT_OK = 0


def run(folder: str, port: int, embeddings: str = "") -> int:
    """Serve the page until it is interrupted; return the exit code.

    Args:
        folder: Of the shards.
        port: 0 takes a free one.
        embeddings: What `weakvid embed` wrote of them; empty: there is no search by meaning.

    Raises:
        ValueError: If the folder holds no whole set of shards, the embeddings are of others, or the
            port cannot be had.
    """
    with make_server(folder, port, embeddings) as server:
        say(f"{folder}: http://{ADDRESS}:{server.server_address[1]}/  (this machine only)")
        say("Ctrl-C ends it")
        sys.stdout.flush()  # the address is wanted now, also through a pipe
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")
    return EXIT_OK
