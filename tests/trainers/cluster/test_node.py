"""A node is started closed to strangers, which is tried on a real one, and ended whole."""

import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import pytest

from trainers.cluster import node, records, token
from trainers.cluster.listening import listening
from trainers.cluster.node import NodeSpec, prepare, start_node, stop_node
from trainers.cluster.open_cluster import lets_strangers_in
from trainers.cluster.processes import family
from trainers.cluster.records import nodes_here

FRIEND = """
import ray
from configs.runs import RayConfig
from trainers.cluster.connect import join_ray
join_ray(RayConfig(address={address!r}))

@ray.remote(num_cpus=0)
def work():
    return "done"

print(ray.get(work.remote()))
"""
STRANGER = """
import ray
ray.init({address!r})

@ray.remote(num_cpus=0)
def work():
    print("a stranger's code ran")

ray.get(work.remote())
print("a stranger got in")
"""


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A user with nothing: no token, no nodes, a folder short enough for sockets."""
    base = Path("/tmp") / f"wv-{os.urandom(4).hex()}"
    base.mkdir(mode=0o700)
    for name in (token.MODE, token.TOKEN, token.TOKEN_PATH, "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(records, "private_base", lambda: base)
    # What Ray in this process believes is not to change with it.
    for module in (token, node):
        monkeypatch.setattr(module, "set_mode", lambda mode: monkeypatch.setenv(token.MODE, mode))
    yield base
    subprocess.run(["rm", "-r", str(base)], check=True)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def spec(*options, **more):
    return NodeSpec(port=free_port(), dashboard_port=free_port(), ray_options=options, **more)


def run(program, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    words = [sys.executable, "-c", program]
    more = {"capture_output": True, "text": True, "timeout": 120}
    return subprocess.run(words, env=kept | environment, **more)


def test_a_head_has_a_token_and_its_dashboard_on_loopback(home):
    command, environment, record = prepare(spec("--num-cpus", "1"))
    at = command.index("--dashboard-host")
    assert command[at + 1] == "127.0.0.1" and "--disable-usage-stats" in command
    assert environment["RAY_AUTH_MODE"] == "token"
    assert environment["RAY_USAGE_STATS_ENABLED"] == "0" and "RAY_ADDRESS" not in environment
    assert command[-2:] == ["--num-cpus", "1"] and record.is_head
    path = token.token_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() not in str(command)


def test_an_open_head_is_for_this_machine_alone():
    command, environment, record = prepare(spec(insecure_local=True))
    assert environment["RAY_AUTH_MODE"] == "disabled"
    assert record.address.startswith("127.0.0.1:")
    assert command[command.index("--node-ip-address") + 1] == "127.0.0.1"
    with pytest.raises(ValueError, match="must be a loopback address"):
        prepare(spec(insecure_local=True, dashboard_host="0.0.0.0"))


def test_tokens_that_are_switched_off_start_nothing(monkeypatch):
    monkeypatch.setenv(token.MODE, "disabled")
    with pytest.raises(ValueError, match="--insecure-local"):
        start_node(spec())
    assert nodes_here() == []


@pytest.mark.parametrize("option", ["--ray-debugger-external", "--redis-password=sesame"])
def test_options_that_open_a_door_are_refused(option):
    with pytest.raises(ValueError, match="must be none of"):
        prepare(spec(option))


def test_a_folder_that_others_can_enter_is_refused(tmp_path):
    tmp_path.chmod(0o755)
    with pytest.raises(ValueError, match="only you can enter"):
        prepare(spec(folder=str(tmp_path)))


def test_a_node_that_does_not_start_says_why():
    with pytest.raises(ValueError, match=r"did not start:[\s\S]*--no-such"):
        start_node(spec("--no-such"))
    assert nodes_here() == []


@pytest.mark.ray
def test_strangers_are_refused_by_a_real_cluster_and_friends_are_not(home):
    record = start_node(spec("--num-cpus", "1", "--object-store-memory", "80000000"))
    try:
        known = family(record.process)
        assert [one.pid for one in nodes_here()] == [record.pid]
        assert not lets_strangers_in(record.address)
        assert not lets_strangers_in(f"http://{record.dashboard}")
        # Neither without a token, nor with another one, nor through the dashboard.
        for attempt in ({"RAY_AUTH_MODE": "disabled"}, wrong_token()):
            done = run(STRANGER.format(address=record.address), **attempt)
            assert done.returncode != 0 and "Unauthenticated" in done.stdout + done.stderr
            assert "a stranger" not in done.stdout
        assert at_each_port(known) == {"UNAUTHENTICATED"}
        assert submit(record.dashboard, {}) == 401
        assert submit(record.dashboard, {"Authorization": "Bearer sesame"}) == 403
        friend = run(FRIEND.format(address=record.address))
        assert friend.stdout.strip() == "done", friend.stderr
        said = (home / "r" / "session_latest" / "logs").rglob("*")
        secret = token.token_path().read_text()
        assert not [one for one in said if one.is_file() and secret in read(one)]
        assert not [one for one in known if secret in argv(one.pid)]
    finally:
        stop_node(record)
    assert not any(one.is_alive for one in known)
    assert nodes_here() == []


RPCS = """
NodeInfoGcsService/GetAllNodeInfo InternalKVGcsService/InternalKVGet
NodeManagerService/RequestWorkerLease NodeManagerService/GetNodeStats
ObjectManagerService/Pull ObjectManagerService/FreeObjects
CoreWorkerService/PushTask CoreWorkerService/Exit
ReporterService/GetTraceback LogService/ListLogs RayletDriver/ClusterInfo
""".split()


def at_each_port(processes):
    """Ask for all of that at each port, without a token; return what those say that know it."""
    answers = set()
    for host, port, _ in listening(processes):
        for name in RPCS:
            with grpc.insecure_channel(f"{host.replace('*', '127.0.0.1')}:{port}") as channel:
                try:
                    channel.unary_unary(f"/ray.rpc.{name}")(b"", timeout=5)
                    answers.add(f"{name} served at {port}")
                except grpc.RpcError as error:
                    answers.add(error.code().name)
    # Not gRPC, or another service.
    return answers - {"UNAVAILABLE", "UNIMPLEMENTED"}


def wrong_token():
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "f" * 64}


def submit(dashboard, headers):
    """Send a job as a stranger would, and return the answer's code."""
    body = b'{"entrypoint": "touch /tmp/a-stranger-was-here"}'
    more = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(f"http://{dashboard}/api/jobs/", body, more)
    try:
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code


def read(path):
    return path.read_text(errors="replace")


def argv(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


@pytest.mark.ray
def test_a_node_in_the_foreground_is_the_process_that_was_started(home):
    program = (
        "from trainers.cluster.node import NodeSpec, become_node\n"
        f"become_node(NodeSpec(port={free_port()}, dashboard_port={free_port()}, "
        f"folder={str(home)!r}, ray_options=('--num-cpus', '1', '--include-dashboard', 'false')))"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(home)},
    )
    lines = []
    for line in started.stdout:
        lines.append(line)
        if "Ray runtime started" in line:
            break
    first = node.process(started.pid)
    known = family(first)
    assert len(known) > 1, lines
    started.send_signal(signal.SIGTERM)
    assert started.wait(60) is not None
    node.end(first, 0)
    assert not [one for one in known if one.is_alive and "raylet" in argv(one.pid)]
