"""A decoder child that has been taken over can reach nothing: tried from inside one."""

import json
import os
import socket
import subprocess
import sys

import pytest

from pipeline.media import landlock

ATTEMPTS = """
import json, os, signal, socket, subprocess, sys, threading
from pipeline.media.isolation import confine, limit_resources
upload, secret, parent = sys.argv[1], sys.argv[2], int(sys.argv[3])
limit_resources(2 << 30, 20)
layers = confine(upload)
def attempt(act):
    try:
        return bool(act())
    except (OSError, MemoryError):
        return False
print(json.dumps({
    "layers": layers,
    "read the upload": attempt(lambda: open(upload).read()),
    "read another file": attempt(lambda: open(secret).read()),
    "list its folder": attempt(lambda: os.listdir(os.path.dirname(secret))),
    "import": attempt(lambda: __import__("wave")),
    "write": attempt(lambda: open(upload + ".new", "w").write("x") + 1),
    "open a socket": attempt(lambda: socket.socket()),
    "pair sockets": attempt(lambda: socket.socketpair()),
    "start a process": attempt(lambda: subprocess.run(["/bin/true"], check=True)),
    "fork": attempt(lambda: os.fork() or os._exit(0) or 1),
    "signal its parent": attempt(lambda: os.kill(parent, 0) or 1),
    "take much memory": attempt(lambda: bytearray(4 << 30)),
    "open many files": attempt(lambda: [open(upload) for _ in range(100)]),
}))
"""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uploads")
    for name in ("upload", "secret"):
        (folder / name).write_text(name)
    names = [str(folder / "upload"), str(folder / "secret")]
    code = [sys.executable, "-c", ATTEMPTS, *names, str(os.getpid())]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@linux_only
def test_it_reads_its_upload_and_the_interpreter(outcome):
    assert outcome["read the upload"] and outcome["import"]


@linux_only
@pytest.mark.parametrize("act", ["write", "take much memory", "open many files"])
def test_resources_are_limited_everywhere(outcome, act):
    assert not outcome[act]


@linux_only
@pytest.mark.parametrize(
    "act", ["open a socket", "pair sockets", "start a process", "fork", "signal its parent"]
)
def test_network_and_processes_are_out_of_reach(outcome, act):
    if "seccomp" not in outcome["layers"]:
        pytest.skip("this kernel has no seccomp filters")
    assert not outcome[act]


@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("act", ["read another file", "list its folder"])
def test_no_other_file_can_be_read(outcome, act):
    assert "landlock" in outcome["layers"]
    assert not outcome[act]


@linux_only
def test_without_seccomp_the_network_is_left_through_a_namespace(tmp_path):
    code = (
        "import socket, sys\nfrom pipeline.media import isolation\n"
        "isolation.deny_calls = lambda: False\n"
        "assert 'namespace' in isolation.confine('/dev/null')\n"
        "try:\n    socket.create_connection(('127.0.0.1', int(sys.argv[1])), 2)\n"
        "except OSError:\n    sys.exit(0)\nsys.exit(1)"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", code, port], capture_output=True, text=True)
    if "AssertionError" in done.stderr:
        pytest.skip("this machine allows no user namespaces")
    assert done.returncode == 0, done.stderr
