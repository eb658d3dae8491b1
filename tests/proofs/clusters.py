"""A cluster of `weakvid cluster start` on this machine, with ports, home and folders of its own."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

WEAKVID = Path(sys.executable).with_name("weakvid")
ROOM = ("--object-store-memory", "200000000")


class Cluster:
    """Starts nodes and runs commands beside them; `end` stops what it started."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        # Short: the path of a Unix socket has 107 bytes.
        self.base = Path(tempfile.mkdtemp(prefix="wv-", dir="/tmp"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        own = {"TMPDIR": str(self.base), "HOME": str(home)}
        self.environment = kept | own | dict(environment)
        self.folder = home
        self.port, self.dashboard, *self._more = free_ports(6)
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://127.0.0.1:{self.dashboard}"
        self.said: list[str] = []

    def head(self, cpus: int) -> None:
        """Start the head."""
        ports = ["--port", self.port, "--dashboard-port", self.dashboard]
        names = ("ray-client-server", "dashboard-agent-listen")
        more = [
            w
            for name, port in zip(names, self._more, strict=False)
            for w in (f"--{name}-port", port)
        ]
        self.run(
            "cluster",
            "start",
            "--head",
            "--node-ip",
            "127.0.0.1",
            *ports,
            "--",
            *more,
            "--num-cpus",
            str(cpus),
            *ROOM,
        )

    def node(self, cpus: int, **environment: str) -> None:
        """Join one more node, on the same machine."""
        agent = ["--dashboard-agent-listen-port", self._more[2]]
        words = ["cluster", "start", "--address", self.address, "--node-ip", "127.0.0.1"]
        self.run(*words, "--", *agent, "--num-cpus", str(cpus), *ROOM, **environment)

    def run(self, *words: str, code: int = 0, **environment: str) -> str:
        """Run `weakvid WORDS`; return what it said."""
        process = self.start(*words, **environment)
        out, _ = process.communicate(timeout=280)
        self.said.append(out)
        assert process.returncode == code, f"{words}: {process.returncode}\n{out[-4000:]}"
        return out

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """Start `weakvid WORDS`."""
        return subprocess.Popen(
            [WEAKVID, *words],
            env=self.environment | environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stop_newest(self) -> None:
        """End the node that was started last."""
        self.run("cluster", "stop", max(self.pids(), key=began))

    def pids(self) -> list[str]:
        folder = self.base / f"weakvid-ray-{os.getuid()}" / "nodes"
        return [path.stem for path in folder.glob("*.json")]

    def end(self) -> None:
        for pid in sorted(self.pids(), key=began, reverse=True):
            self.run("cluster", "stop", pid)
        shutil.rmtree(self.base, ignore_errors=True)


def began(pid: str) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def free_ports(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(what, seconds: float = 120.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.2)
