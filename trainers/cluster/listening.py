"""What the processes of a node listen on, read from /proc as `ss -ltn` does."""

import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from trainers.cluster.processes import Process

_LISTEN = "0A"
_NET = Path("/proc/net")


def listening(processes: Iterable[Process]) -> list[tuple[str, int, str]]:
    """Return address, port and program of each socket; `*` is an address of all networks."""
    owners = {inode: _program(one) for one in processes for inode in _sockets(one)}
    found = [
        (host, port, owners[inode])
        for name in ("tcp", "tcp6")
        for host, port, inode in _table(_NET / name)
        if inode in owners
    ]
    return sorted(found, key=lambda one: (one[2], one[1], one[0]))


def _sockets(one: Process) -> set[str]:
    found = set()
    with suppress(OSError):
        for path in Path(f"/proc/{one.pid}/fd").iterdir():
            with suppress(OSError):
                kind, _, inode = str(path.readlink()).partition(":")
                if kind == "socket":
                    found.add(inode.strip("[]"))
    return found


def _program(one: Process) -> str:
    """Return a short name; Ray's Python processes are told by the module that they run."""
    try:
        words = Path(f"/proc/{one.pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "?"
    if words[0].startswith("ray::"):
        return words[0]
    named = [word for word in words[:6] if word.endswith(".py") or word.startswith("ray.")]
    return Path(named[0] if named else words[0]).name


def _table(path: Path) -> list[tuple[str, int, str]]:
    rows = [line.split() for line in path.read_text().splitlines()[1:]] if path.exists() else []
    return [(*_address(row[1]), row[9]) for row in rows if row[3] == _LISTEN]


def _address(text: str) -> tuple[str, int]:
    packed, port = text.split(":")
    words = [int(packed[at : at + 8], 16) for at in range(0, len(packed), 8)]
    data = b"".join(struct.pack("=I", word) for word in words)
    if not any(data):
        return "*", int(port, 16)
    family = socket.AF_INET if len(data) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, data).removeprefix("::ffff:"), int(port, 16)
