"""A node of a cluster, started on this machine: with a token, the dashboard on loopback.

What runs is `ray start --block`, the first process of a session of its own: all of the node
descends from it, and goes with it.
"""

import logging
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from trainers.cluster import records
from trainers.cluster.environment import OF_NODES
from trainers.cluster.open_cluster import NoAnswer, present_ourselves, refuse_open_cluster
from trainers.cluster.processes import end, process
from trainers.cluster.records import NodeRecord
from trainers.cluster.token import ensure_token, set_mode

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
START_S = 120.0
GRACE_S = 15.0
_UP = "Ray runtime started"
_NOT_OURS = ("--ray-debugger-external", "--redis-password", "--system-config", "--block")
"""Options of `ray start` that open a door, put a secret into argv, or are ours to give."""


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """What to start."""

    address: str = ""
    """HOST:PORT of the head to join; empty: this is the head."""

    port: int = 6379
    dashboard_host: str = LOOPBACK
    dashboard_port: int = 8265
    node_ip: str = ""
    folder: str = ""
    """Where Ray keeps logs and sockets; empty: in this user's own folder."""

    insecure_local: bool = False
    ray_options: tuple[str, ...] = ()
    """More options for `ray start`."""

    @property
    def is_head(self) -> bool:
        """Whether it begins a cluster."""
        return not self.address


def start_node(spec: NodeSpec) -> NodeRecord:
    """Start a node and come back when it is up; it stays when we go.

    Raises:
        ValueError: If it would be open to strangers, or does not come up; the message says why.
    """
    command, environment, record = prepare(spec)
    descriptor, log = tempfile.mkstemp(dir=record.folder, prefix="start-", suffix=".log")
    with os.fdopen(descriptor, "wb") as out:
        started = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = _of_process(record, started.pid)
    records.save(record)
    try:
        _wait_until_up(started, Path(log))
        if spec.is_head:
            _knock(record, insecure_local=spec.insecure_local)
    except BaseException:
        stop_node(record)
        started.wait()
        raise
    return record


def become_node(spec: NodeSpec) -> None:
    """Turn this process into the node: for Slurm, containers and systemd, which watch it.

    Raises:
        ValueError: If it would be open to strangers.
    """
    command, environment, record = prepare(spec)
    with suppress(PermissionError):  # we lead a group already
        os.setsid()
    records.save(_of_process(record, os.getpid()))
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def stop_node(record: NodeRecord, grace_s: float = GRACE_S) -> int:
    """End a node by the ids of its processes; return how many did not go by themselves."""
    killed = end(record.process, grace_s)
    records.forget(record)
    return killed


def prepare(spec: NodeSpec) -> tuple[list[str], dict[str, str], NodeRecord]:
    """Return command and environment of a node, and what is known of it before it runs.

    Raises:
        ValueError: If it would be open to strangers.
    """
    if bad := [word for word in spec.ray_options if word.partition("=")[0] in _NOT_OURS]:
        raise ValueError(f"options for ray start must be none of {', '.join(_NOT_OURS)}, got {bad}")
    _refuse_open(spec)
    folder = _private(spec.folder)
    node_ip = spec.node_ip or _own_address(spec)
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
    command += ["--disable-usage-stats", "--node-ip-address", node_ip]
    # Ray opens this folder to all users of the machine; the one above it stays closed.
    command += ["--temp-dir", str(folder / "r")]
    record = NodeRecord(0, 0, spec.is_head, spec.address, "", str(folder))
    if spec.is_head:
        dashboard = f"{spec.dashboard_host}:{spec.dashboard_port}"
        record = replace(record, address=f"{node_ip}:{spec.port}", dashboard=dashboard)
        command += ["--head", "--port", str(spec.port), "--dashboard-host", spec.dashboard_host]
        command += ["--dashboard-port", str(spec.dashboard_port)]
    else:
        command += ["--address", spec.address]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    # A launched job is `python -m pipeline.cli`, found by the PATH of its node: ours, not another.
    ours = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join(filter(None, [ours, environment.get("PATH", "")]))
    return [*command, *spec.ray_options], OF_NODES | environment, record


def _refuse_open(spec: NodeSpec) -> None:
    """Make sure that the node asks for a token, or that the user wants it otherwise."""
    if not spec.is_head:
        present_ourselves(spec.address, insecure_local=spec.insecure_local)
    elif not spec.insecure_local:
        ensure_token()
        if not _is_loopback(spec.dashboard_host):
            logger.warning(
                "the dashboard listens on %s: its users' tokens cross the network in clear, "
                "unless a proxy adds TLS; on loopback it is reached through `ssh -L`",
                spec.dashboard_host,
            )
    else:
        if not _is_loopback(spec.dashboard_host):
            raise ValueError(
                "--dashboard-host must be a loopback address with --insecure-local, "
                f"got {spec.dashboard_host}"
            )
        set_mode("disabled")


def _own_address(spec: NodeSpec) -> str:
    """Return the address under which others reach this machine; none do in an open cluster."""
    if spec.is_head and spec.insecure_local:
        return LOOPBACK
    from ray._private.services import get_node_ip_address

    return get_node_ip_address(*filter(None, [spec.address]))


def _private(named: str) -> Path:
    """Return the folder for Ray's files, which nobody else can enter.

    Raises:
        ValueError: If others can.
    """
    path = Path(named).absolute() if named else records.private_base()
    folder = records.private_folder(path, "--temp-dir")
    if folder.stat().st_mode & 0o077:
        raise ValueError(
            f"--temp-dir must be a folder that only you can enter, got {folder}: logs and sockets "
            f"of the node lie there; chmod 700 {folder}, or name one that is not there yet"
        )
    return folder


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _of_process(record: NodeRecord, pid: int) -> NodeRecord:
    one = process(pid)
    return replace(record, pid=pid, began=one.began if one else 0)


def _wait_until_up(started: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while _UP not in (said := log.read_text(errors="replace")):
        if started.poll() is not None:
            raise ValueError(f"the node did not start:\n{_last_lines(said)}")
        if time.monotonic() > deadline:
            raise ValueError(f"the node was not up after {START_S:.0f} s; {log} says:\n{said}")
        time.sleep(0.2)


def _last_lines(said: str) -> str:
    return "\n".join(line for line in said.splitlines() if line.strip())[-1500:]


def _knock(record: NodeRecord, *, insecure_local: bool) -> None:
    """Try the new cluster as a stranger would."""
    refuse_open_cluster(record.address, insecure_local=insecure_local)
    url = f"http://{record.dashboard}"
    deadline = time.monotonic() + START_S
    while True:
        try:
            refuse_open_cluster(url, insecure_local=insecure_local)
            return
        except NoAnswer:  # it is the last to come up
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
