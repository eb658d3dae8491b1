"""Machines that are network namespaces: own addresses, a switch between them, Ray on each.

    with two_nodes() as cluster:
        cluster.run(cluster.head, ["weakvid", "shards", ..., "--ray.address", cluster.address])
        cluster.cut(cluster.nodes[1])

All of it lies in namespaces of its own: nothing of this machine's network is touched, nothing
reaches the outside. A node has an address, a host name that resolves to a loopback address as
Debian's do, and /tmp/ray to itself. It shares the file system with the others, as machines with
a network drive do. `outside` is a machine that is not in the cluster: a client, or a server.
Needs root and `ip`.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENTER = Path(__file__).with_name("enter.py")
NETWORK = "10.77.0"
PORT = 6379
DASHBOARD_PORT = 8265
START_S = 120.0

# Run on a node; asks Ray which node has which address.
NODE_IDS = """
import json, sys
from ray._raylet import GcsClient
nodes = GcsClient(address=sys.argv[1]).get_all_node_info().values()
print(json.dumps({n.node_manager_address: n.node_id.hex() for n in nodes if n.state == 0}))
"""


def sweep() -> None:
    """Take down what a test left that was killed: namespaces bear the process that made them."""
    names = [line.split()[0] for line in ip("netns", "list").splitlines()]
    for name in names:
        made = re.fullmatch(r"wv-(\d+)-[0-9a-f]{4}(-\d+)?", name)
        if made and not Path(f"/proc/{made[1]}").exists():
            end_all(name)
            ip("netns", "del", name)
            shutil.rmtree(Path("/etc/netns") / name, ignore_errors=True)


def end_all(namespace: str) -> None:
    while pids := ip("netns", "pids", namespace).split():
        for pid in map(int, pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=30)
    return done.stdout


def why_not() -> str:
    """Say why there can be no namespaces here; nothing where there can."""
    if not sys.platform.startswith("linux") or shutil.which("ip") is None:
        return "no `ip` of iproute2"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"wv-{secrets.token_hex(4)}"
    try:
        ip("netns", "add", name)
        try:
            ip("-n", name, "link", "add", "br0", "type", "bridge")
        finally:
            ip("netns", "del", name)
    except subprocess.CalledProcessError as error:
        return f"no network namespaces: {error.stderr.strip()}"
    return ""


@dataclass
class Node:
    """A machine. `namespace` is its name for `ip netns`."""

    name: str
    namespace: str
    address: str
    port: str
    """Of the switch that it is plugged into."""

    folder: Path
    """What it has as /tmp/ray; Ray's logs are in `session_latest/logs`."""

    etc: Path


@dataclass
class Machines:
    """A switch, and what is plugged into it."""

    folder: Path
    environment: Mapping[str, str]
    token_file: Path
    tag: str
    machines: list[Node] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    """Those of the cluster, the head first."""

    ids: dict[str, str] = field(default_factory=dict)

    @property
    def switch(self) -> str:
        return f"wv-{self.tag}"

    @property
    def head(self) -> Node:
        return self.nodes[0]

    @property
    def outside(self) -> Node:
        """A machine that is on the network and not in the cluster."""
        return self.machines[0]

    @property
    def address(self) -> str:
        """What `--ray.address` wants."""
        return f"{self.head.address}:{PORT}"

    @property
    def dashboard(self) -> str:
        """What `--address` wants, on the head; from elsewhere only if it does not hide."""
        return f"http://{self.head.address}:{DASHBOARD_PORT}"

    def plug_in(self, name: str) -> Node:
        """Make a machine and join it to the switch."""
        number = len(self.machines) + 1
        namespace = f"{self.switch}-{number}"
        etc = Path("/etc/netns") / namespace
        folder = self.folder / name
        node = Node(name, namespace, f"{NETWORK}.{number}", f"port{number}", folder, etc)
        ip("netns", "add", namespace)
        self.machines.append(node)
        node.folder.mkdir()
        etc.mkdir(parents=True)
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
        peer = ("type", "veth", "peer", "name", "eth0", "netns", namespace)
        ip("-n", self.switch, "link", "add", node.port, *peer)
        ip("-n", self.switch, "link", "set", node.port, "master", "br0", "up")
        ip("-n", namespace, "address", "add", f"{node.address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", namespace, "link", "set", device, "up")
        # Nobody is there. A machine without such a route does not know its own address.
        ip("-n", namespace, "route", "add", "default", "via", f"{NETWORK}.254")
        return node

    def start(
        self, node: Node, argv: Sequence[str | Path], *, log: Path | None = None, **more: str
    ) -> subprocess.Popen[bytes]:
        """Start a command on a machine; `more` is added to its environment."""
        words = ["ip", "netns", "exec", node.namespace, sys.executable, ENTER, node.name]
        out: Any = log.open("ab") if log else subprocess.DEVNULL
        try:
            return subprocess.Popen(
                [*words, node.folder, *argv],
                cwd=ROOT,
                env={**self.environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        finally:
            if log:
                out.close()

    def run(
        self, node: Node, argv: Sequence[str | Path], *, timeout_s: float = 300.0, **more: str
    ) -> tuple[int, str]:
        """Run a command on a machine to its end; return exit code and output."""
        log = self.folder / f"run-{secrets.token_hex(4)}"
        process = self.start(node, argv, log=log, **more)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"{argv} runs on; {log.read_text()[-3000:]}") from None
        return code, log.read_text(errors="replace")

    def join(self, node: Node, words: Sequence[str | Path]) -> None:
        code, said = self.run(node, words, timeout_s=START_S)
        assert code == 0, said
        self.nodes.append(node)

    def add_node(self, *, cpus: int = 1) -> Node:
        """Start a machine and join it to the cluster."""
        node = self.plug_in(f"node-{len(self.machines) - 1}")
        self.join(node, [*_ray_start(node, cpus), "--address", self.address])
        return node

    def cut(self, node: Node) -> None:
        """Let the switch lose, in silence, what comes from a machine and goes there."""
        ip("-n", self.switch, "link", "set", node.port, "nomaster")

    def heal(self, node: Node) -> None:
        ip("-n", self.switch, "link", "set", node.port, "master", "br0")

    def kill(self, node: Node, *, silently: bool = True) -> None:
        """Kill all that runs on a machine; silently: the others get no farewell of its kernel."""
        if silently:
            self.cut(node)
        end_all(node.namespace)

    def remove(self, node: Node) -> None:
        """Kill a node, and count it no more."""
        self.kill(node)
        self.nodes.remove(node)

    def renew(self) -> None:
        """Leave beside the head one node that nothing has happened to."""
        for node in self.nodes[1:]:
            self.remove(node)
        self.add_node()

    def commands(self, node: Node) -> list[str]:
        """Return the command lines of what runs on a machine."""
        lines = []
        for pid in ip("netns", "pids", node.namespace).split():
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{pid}/cmdline").read_bytes()
                lines.append(line.replace(b"\0", b" ").decode(errors="replace"))
        return lines

    def node_id(self, node: Node) -> str:
        """Return Ray's id of a node that is alive; asking takes seconds, so it is remembered."""
        if node.name in self.ids:
            return self.ids[node.name]
        words = [sys.executable, "-c", NODE_IDS, self.address]
        code, said = self.run(self.head, words)
        assert code == 0, said
        self.ids[node.name] = json.loads(said.splitlines()[-1])[node.address]
        return self.ids[node.name]

    def drain(self, node: Node, seconds: float) -> None:
        """Give a node notice, as a cloud's preemption does. Nothing kills it when time is up."""
        words = [_ray(), "drain-node", "--address", self.address, "--node-id", self.node_id(node)]
        words += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "test"]
        code, said = self.run(
            self.head, [*words, "--deadline-remaining-seconds", str(round(seconds))]
        )
        assert code == 0, said

    def take_down(self) -> None:
        """End what was started, and leave nothing of the namespaces."""
        for node in self.machines:
            self.kill(node, silently=False)
            ip("netns", "del", node.namespace)
            shutil.rmtree(node.etc, ignore_errors=True)
        ip("netns", "del", self.switch)
        with contextlib.suppress(OSError):
            Path("/etc/netns").rmdir()


def _ray() -> Path:
    return Path(sys.executable).with_name("ray")


def _ray_start(node: Node, cpus: int) -> list[str | Path]:
    words = [_ray(), "start", "--node-ip-address", node.address, "--num-cpus", str(cpus)]
    return [*words, "--disable-usage-stats"]


def _environment(folder: Path) -> tuple[dict[str, str], Path]:
    token_file = folder / "token"
    token_file.touch(0o600)
    token_file.write_text(secrets.token_hex(32))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    # The code that is tested comes before what is installed, in Ray's workers too.
    path = os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])
    ours = {
        "PYTHONPATH": path,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_file),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    return kept | ours, token_file


@contextlib.contextmanager
def network(environment: Mapping[str, str] | None = None) -> Iterator[Machines]:
    """Give a switch with one machine, `outside`; skip the test where there can be none.

    Args:
        environment: Added to that of every process.
    """
    if reason := why_not():
        pytest.skip(reason)
    sweep()
    # Short: the path of a Unix socket has 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="wv-", dir="/tmp"))
    Path("/tmp/ray").mkdir(exist_ok=True)
    ours, token_file = _environment(folder)
    tag = f"{os.getpid()}-{secrets.token_hex(2)}"
    machines = Machines(folder, ours | dict(environment or {}), token_file, tag)
    ip("netns", "add", machines.switch)
    try:
        ip("-n", machines.switch, "link", "add", "br0", "type", "bridge")
        ip("-n", machines.switch, "address", "add", f"{NETWORK}.254/24", "dev", "br0")
        ip("-n", machines.switch, "link", "set", "br0", "up")
        machines.plug_in("outside")
        yield machines
    finally:
        machines.take_down()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def two_nodes(
    *,
    nodes: int = 2,
    cpus: int = 1,
    dashboard_host: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Machines]:
    """Give a cluster of machines, the head among them; skip the test where there can be none.

    Args:
        nodes: How many.
        cpus: Of each, as Ray counts.
        dashboard_host: Where the dashboard listens; empty: there is none, which is quicker.
        environment: Added to that of every process.
    """
    with network(environment) as machines:
        start_head(machines, machines.plug_in("head"), cpus=cpus, dashboard_host=dashboard_host)
        for _ in range(nodes - 1):
            machines.add_node(cpus=cpus)
        yield machines


def start_head(machines: Machines, node: Node, *, cpus: int = 1, dashboard_host: str = "") -> None:
    """Make a machine the head of a cluster; also of a new one, after the old head has died."""
    machines.nodes.clear()
    words = [*_ray_start(node, cpus), "--head", "--port", str(PORT)]
    words += ["--include-dashboard", str(bool(dashboard_host)).lower()]
    if dashboard_host:
        words += ["--dashboard-host", dashboard_host, "--dashboard-port", str(DASHBOARD_PORT)]
    machines.join(node, words)
