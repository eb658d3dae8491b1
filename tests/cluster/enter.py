"""Become a process of a node: `python enter.py HOSTNAME FOLDER WORD...` in a network namespace.

The node gets a name of its own, and a folder of its own as /tmp/ray: what Ray keeps there belongs
to a machine. `ip netns exec` has given us mounts that nobody else sees.
"""

import ctypes
import os
import socket
import sys

RAY_FOLDER = "/tmp/ray"
CLONE_NEWUTS = 0x04000000
MS_BIND = 4096


def enter(name: str, folder: str, words: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUTS):
        raise OSError(ctypes.get_errno(), "a host name of its own")
    socket.sethostname(name)
    if libc.mount(folder.encode(), RAY_FOLDER.encode(), None, MS_BIND, None):
        raise OSError(ctypes.get_errno(), f"{folder} as {RAY_FOLDER}")
    os.execvp(words[0], words)


if __name__ == "__main__":
    enter(sys.argv[1], sys.argv[2], sys.argv[3:])
