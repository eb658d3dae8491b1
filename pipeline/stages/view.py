"""`weakvid view`: a local page over a folder of shards."""

import sys

from pipeline.console import say
from pipeline.viewer.server import ADDRESS, make_server

EXIT_OK = 0


def run(folder: str, port: int, embeddings: str = "") -> int:
    """Serve the page until it is interrupted; return the exit code.

    Raises:
        ValueError: If the folder holds no whole set of shards, or the port cannot be had.
    """
    with make_server(folder, port) as server:
        say(f"{folder}: http://{ADDRESS}:{server.server_address[1]}/  (this machine only)")
        say("Ctrl-C ends it")
        sys.stdout.flush()  # the address is wanted now, also through a pipe
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")
    return EXIT_OK
