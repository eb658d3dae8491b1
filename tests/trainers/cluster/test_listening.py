"""Sockets are found with their address, port and owner."""

import os
import socket

import pytest

from trainers.cluster.listening import listening
from trainers.cluster.processes import process


@pytest.mark.parametrize(
    ("family", "bound", "shown"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "0.0.0.0", "*"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::", "*"),
    ],
)
def test_a_socket_of_ours_is_listed_as_long_as_it_listens(family, bound, shown):
    with socket.socket(family) as one:
        try:
            one.bind((bound, 0))
        except OSError as error:
            pytest.skip(f"no {bound} here: {error}")
        port = one.getsockname()[1]
        assert (shown, port) not in mine()
        one.listen()
        assert (shown, port) in mine()
    assert (shown, port) not in mine()


def mine():
    return [(host, port) for host, port, _ in listening([process(os.getpid())])]
